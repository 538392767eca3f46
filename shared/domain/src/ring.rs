//! The contents of the deployment's two secrets: the keys secret has a ring of keys, the credentials secret
//! has peppers.
//!
//! A rotation changes the keys secret twice. The first change adds a key that does not sign yet. Then its
//! public half is published. The second change sets when the key starts to sign, and until when the earlier
//! keys verify. An interrupted rotation therefore never lets a key sign before it is published. When the key
//! starts to sign, nothing is written: every function follows its clock.
//!
//! In deployments without a credentials secret, the keys secret has the peppers too. Such a secret can be
//! read as either, and keeps both lists until the peppers are moved.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{InvalidSeeds, KeyMaterial, PepperSeeds, Secret, Seed, Seeds, SigningAlgorithm, Timestamp};

/// The content of a secret: keys, peppers or both, each newest first.
#[derive(Clone)]
pub struct Ring {
    keys: Vec<RingKey>,
    peppers: Vec<RingPepper>,
}

/// A key of the ring. Keys for signing, refresh tokens, cursors, stored responses and devices are derived
/// from it.
#[derive(Clone)]
pub struct RingKey {
    material: KeyMaterial,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq)]
struct RingPepper {
    seed: Seed,
    from: Timestamp,
}

/// The state of a key at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// The key may not be published yet, and has no start.
    New,
    /// The key is published and has a start in the future.
    Pending,
    /// The key signs.
    Current,
    /// The key no longer signs, and still verifies.
    Retired,
    /// The key no longer verifies.
    Gone,
}

/// The key still signs. Another key must sign first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StillSigns;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    /// A keys secret as it was generated. Its seed is a key, and in older deployments also a pepper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    previous: Vec<String>,
    /// A credentials secret as it was generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pepper: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keys: Vec<StoredKey>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    peppers: Vec<StoredPepper>,
}

/// Times are in milliseconds since the Unix epoch.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    seed: String,
    /// If absent, the algorithm is ES256, which was the only one in earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    algorithm: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    private_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredPepper {
    seed: String,
    #[serde(default)]
    from: i64,
}

impl Ring {
    /// How long functions and other verifiers cache keys.
    pub const KEPT_FOR: Duration = Duration::from_mins(5);
    /// How long a key is published before it signs: longer than all caches in sequence.
    pub const LEAD: Duration = Duration::from_hours(1);
    /// The same for an RSA key. The authorizer of API Gateway, which requires RSA, caches keys for two hours.
    pub const LEAD_OF_RSA: Duration = Duration::from_hours(3);

    /// How far the clock of a signing function may be ahead of a verifying one.
    pub const LEEWAY: Duration = Duration::from_secs(5);

    /// Parses the keys secret, either as generated, `{"seed": "…", "previous": ["…"]}`, or after a rotation,
    /// `{"keys": […]}`.
    ///
    /// # Errors
    /// [`InvalidSeeds`] if the secret has no key, or a seed is too short to be random.
    pub fn parse_keys(secret: &str) -> Result<Self, InvalidSeeds> {
        Self::parse(secret, |ring| !ring.keys.is_empty())
    }

    /// Parses the credentials secret, either as generated, `{"pepper": "…"}`, or after a rotation,
    /// `{"peppers": […]}`. The keys secret of an older deployment can be parsed as well.
    ///
    /// # Errors
    /// [`InvalidSeeds`] if the secret has no pepper, or a seed is too short to be random.
    pub fn parse_credentials(secret: &str) -> Result<Self, InvalidSeeds> {
        Self::parse(secret, |ring| !ring.peppers.is_empty())
    }

    fn parse(secret: &str, is_usable: impl FnOnce(&Self) -> bool) -> Result<Self, InvalidSeeds> {
        let stored: Stored = serde_json::from_str(secret).map_err(|_| InvalidSeeds)?;
        let begun = Timestamp::from_millis(0);
        let generated = stored.seed.into_iter().chain(stored.previous).map(Seed::parse);
        let generated = generated.collect::<Result<Vec<_>, _>>()?;
        let key = |seed| RingKey { material: KeyMaterial::first(seed), from: Some(begun), until: None };
        let mut keys: Vec<_> = generated.iter().cloned().map(key).collect();
        keys.extend(stored.keys.into_iter().map(RingKey::parse).collect::<Result<Vec<_>, _>>()?);
        let pepper = stored.pepper.map(Seed::parse).transpose()?;
        let peppers = pepper.into_iter().chain(generated);
        let mut peppers: Vec<_> = peppers.map(|seed| RingPepper { seed, from: begun }).collect();
        peppers.extend(stored.peppers.into_iter().map(RingPepper::parse).collect::<Result<Vec<_>, _>>()?);
        Some(Self { keys, peppers }).filter(is_usable).ok_or(InvalidSeeds)
    }

    /// Returns the text of the secret.
    #[must_use]
    pub fn to_secret(&self) -> Zeroizing<String> {
        let millis = |moment: &Option<Timestamp>| moment.map(Timestamp::millis);
        let key = |key: &RingKey| StoredKey {
            seed: key.material.seed().expose().to_owned(),
            algorithm: Some(key.material.algorithm())
                .filter(|algorithm| *algorithm != SigningAlgorithm::default())
                .map(|algorithm| algorithm.name().to_owned()),
            private_key: key.material.private_key().map(|key| key.expose().to_owned()),
            from: millis(&key.from),
            until: millis(&key.until),
        };
        let pepper = |pepper: &RingPepper| StoredPepper {
            seed: pepper.seed.expose().to_owned(),
            from: pepper.from.millis(),
        };
        let (keys, peppers) = (self.keys.iter().map(key), self.peppers.iter().map(pepper));
        let stored = Stored {
            seed: None,
            previous: Vec::new(),
            pepper: None,
            keys: keys.collect(),
            peppers: peppers.collect(),
        };
        // Serialization fails only for map keys that are not strings, or for a failing `Serialize`. Neither
        // exists here.
        Zeroizing::new(serde_json::to_string(&stored).unwrap_or_default())
    }

    /// Returns the seeds of the keys in use at `now`: the signing key first, then those that verify. Keys
    /// that are gone, or do not sign within [`Self::LEEWAY`], are left out.
    #[must_use]
    pub fn seeds_at(&self, now: Timestamp) -> Seeds {
        Seeds { keys: self.materials_at(now).cloned().collect() }
    }

    /// Returns the seeds of the peppers at `now`, the one for new hashes first.
    #[must_use]
    pub fn pepper_seeds_at(&self, now: Timestamp) -> PepperSeeds {
        let first = self.peppers.iter().position(|pepper| pepper.from <= now);
        let first = first.unwrap_or(self.peppers.len().saturating_sub(1));
        let others = self.peppers.iter().enumerate().filter(|(index, _)| *index != first);
        let peppers = self.peppers.get(first).into_iter().chain(others.map(|(_, pepper)| pepper));
        PepperSeeds {
            peppers: peppers.map(|pepper| pepper.seed.clone()).collect(),
            keys: self.materials_at(now).map(|key| key.seed().clone()).collect(),
        }
    }

    fn materials_at(&self, now: Timestamp) -> impl Iterator<Item = &KeyMaterial> {
        let current = self.current_at(now);
        let is_used = move |(index, key): &(usize, &RingKey)| {
            let has_begun = key.from.is_some_and(|from| from <= now.plus(Self::LEEWAY));
            *index != current && !key.is_gone(now) && (*index > current || has_begun)
        };
        let others = self.keys.iter().enumerate().filter(is_used);
        self.keys.get(current).into_iter().chain(others.map(|(_, key)| key)).map(RingKey::material)
    }

    /// Returns when [`Self::seeds_at`] or [`Self::pepper_seeds_at`] changes next.
    #[must_use]
    pub fn changes_at(&self, now: Timestamp) -> Option<Timestamp> {
        let of_key = |key: &RingKey| [key.from.map(|from| from.minus(Self::LEEWAY)), key.from, key.until];
        let of_keys = self.keys.iter().flat_map(of_key).flatten();
        let of_peppers = self.peppers.iter().map(|pepper| pepper.from);
        of_keys.chain(of_peppers).filter(|moment| *moment > now).min()
    }

    /// Returns every key, newest first, with its state at `now`.
    pub fn keys_at(&self, now: Timestamp) -> impl Iterator<Item = (&RingKey, KeyState)> {
        let current = self.current_at(now);
        self.keys.iter().enumerate().map(move |(index, key)| {
            let state = match index.cmp(&current) {
                _ if key.is_gone(now) => KeyState::Gone,
                std::cmp::Ordering::Less if key.from.is_none() => KeyState::New,
                std::cmp::Ordering::Less => KeyState::Pending,
                std::cmp::Ordering::Equal => KeyState::Current,
                std::cmp::Ordering::Greater => KeyState::Retired,
            };
            (key, state)
        })
    }

    /// Returns the seeds of the peppers, newest first.
    pub fn peppers(&self) -> impl Iterator<Item = (&Seed, Timestamp)> {
        self.peppers.iter().map(|pepper| (&pepper.seed, pepper.from))
    }

    /// Returns whether a rotation is due: the current key has signed for `every`, if given, or its algorithm
    /// is not the `wanted` one, and no other key is pending.
    #[must_use]
    pub fn is_due(&self, now: Timestamp, every: Option<Duration>, wanted: SigningAlgorithm) -> bool {
        let is_old =
            |key: &RingKey| every.is_some_and(|every| key.from.is_none_or(|from| from.plus(every) <= now));
        let current = self.keys.get(self.current_at(now));
        !self.is_rotating(now) && current.is_none_or(|key| is_old(key) || key.material.algorithm() != wanted)
    }

    /// Returns whether a new key is pending.
    #[must_use]
    pub fn is_rotating(&self, now: Timestamp) -> bool {
        self.keys_at(now).any(|(_, state)| matches!(state, KeyState::New | KeyState::Pending))
    }

    /// Makes the first change of a rotation: adds a key that does not sign yet, and drops keys that are gone.
    /// Returns `None` if another key is pending.
    #[must_use]
    pub fn with_new_key(&self, material: KeyMaterial, now: Timestamp) -> Option<Self> {
        if self.is_rotating(now) {
            return None;
        }
        let alive = self.keys.iter().filter(|key| !key.is_gone(now)).cloned();
        let keys = std::iter::once(RingKey { material, from: None, until: None }).chain(alive).collect();
        Some(Self { keys, peppers: self.peppers.clone() })
    }

    /// Makes the second change, after the new key was published: sets its start, and lets earlier keys verify
    /// for `overlap` after it. Returns `None` without a new key.
    #[must_use]
    pub fn with_start(&self, now: Timestamp, overlap: Duration) -> Option<Self> {
        let mut ring = self.clone();
        let (new, others) = ring.keys.split_first_mut().filter(|(new, _)| new.from.is_none())?;
        let from = new.signs_from(now);
        new.from = Some(from);
        for other in others.iter_mut().filter(|other| other.until.is_none()) {
            other.until = Some(from.plus(overlap));
        }
        Some(ring)
    }

    /// Adds a pepper, which makes hashes once every function has read it. Earlier peppers stay.
    #[must_use]
    pub fn with_new_pepper(&self, seed: Seed, now: Timestamp) -> Self {
        let mut ring = self.clone();
        ring.peppers.insert(0, RingPepper { seed, from: now.plus(Self::LEAD) });
        ring
    }

    /// Returns this secret with the peppers of `other`, which make new hashes if `other_first`. Returns
    /// `None` if none is missing.
    #[must_use]
    pub fn with_peppers_of(&self, other: &Self, other_first: bool) -> Option<Self> {
        let is_missing = |pepper: &&RingPepper| !self.holds(&pepper.seed);
        let missing: Vec<_> = other.peppers.iter().filter(is_missing).cloned().collect();
        if missing.is_empty() {
            return None;
        }
        let (keys, own) = (self.keys.clone(), self.peppers.clone());
        let peppers = if other_first { [missing, own] } else { [own, missing] };
        Some(Self { keys, peppers: peppers.concat() })
    }

    /// Returns this secret without its peppers, if `other` has them all. Returns `None` if there are no
    /// peppers, or `other` lacks one.
    #[must_use]
    pub fn without_peppers(&self, other: &Self) -> Option<Self> {
        let is_moved = self.peppers.iter().all(|pepper| other.holds(&pepper.seed));
        (is_moved && !self.peppers.is_empty()).then(|| Self { keys: self.keys.clone(), peppers: Vec::new() })
    }

    /// Returns the peppers alone, for a credentials secret; `None` if there are none.
    #[must_use]
    pub fn only_peppers(&self) -> Option<Self> {
        let peppers = self.peppers.clone();
        (!peppers.is_empty()).then_some(Self { keys: Vec::new(), peppers })
    }

    fn holds(&self, pepper: &Seed) -> bool {
        self.peppers.iter().any(|held| held.seed == *pepper)
    }

    /// Lets a new key sign immediately, and removes all others.
    #[must_use]
    pub fn revoked(&self, material: KeyMaterial, now: Timestamp) -> Self {
        let mut ring = self.clone();
        for key in &mut ring.keys {
            key.end_at(now);
        }
        ring.keys.insert(0, RingKey { material, from: Some(now), until: None });
        ring
    }

    /// Removes the retired key at `index` immediately.
    ///
    /// # Errors
    /// [`StillSigns`] if the key signs, or will sign.
    pub fn with_retired(&self, index: usize, now: Timestamp) -> Result<Self, StillSigns> {
        let mut ring = self.clone();
        if index <= self.current_at(now) {
            return Err(StillSigns);
        }
        if let Some(key) = ring.keys.get_mut(index) {
            key.end_at(now);
        }
        Ok(ring)
    }

    /// Returns the newest key that has started; before the first start, the oldest.
    fn current_at(&self, now: Timestamp) -> usize {
        let has_begun = |key: &RingKey| key.from.is_some_and(|from| from <= now) && !key.is_gone(now);
        let alive = || self.keys.iter().rposition(|key| !key.is_gone(now));
        self.keys.iter().position(has_begun).or_else(alive).unwrap_or(0)
    }
}

impl RingKey {
    fn parse(stored: StoredKey) -> Result<Self, InvalidSeeds> {
        let moment = |millis: Option<i64>| millis.map(Timestamp::from_millis);
        let algorithm = stored.algorithm.as_deref().map(str::parse).transpose();
        let algorithm = algorithm.map_err(|_| InvalidSeeds)?.unwrap_or_default();
        let private_key = stored.private_key.map(Secret::from);
        let material = KeyMaterial::new(Seed::parse(stored.seed)?, algorithm, private_key)?;
        Ok(Self { material, from: moment(stored.from), until: moment(stored.until) })
    }

    /// Returns the material of the key.
    #[must_use]
    pub const fn material(&self) -> &KeyMaterial {
        &self.material
    }

    /// Returns the time from which the key signs, if it is set.
    #[must_use]
    pub const fn from(&self) -> Option<Timestamp> {
        self.from
    }

    /// Returns the time until which the key verifies, if it is set.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Returns the earliest time from which the key can sign, if it is published now.
    #[must_use]
    pub fn signs_from(&self, now: Timestamp) -> Timestamp {
        let lead = if self.material.algorithm().is_rsa() { Ring::LEAD_OF_RSA } else { Ring::LEAD };
        self.from.unwrap_or_else(|| now.plus(lead))
    }

    fn is_gone(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    fn end_at(&mut self, now: Timestamp) {
        self.until = Some(self.until.map_or(now, |until| until.min(now)));
    }
}

impl RingPepper {
    fn parse(stored: StoredPepper) -> Result<Self, InvalidSeeds> {
        Ok(Self { seed: Seed::parse(stored.seed)?, from: Timestamp::from_millis(stored.from) })
    }
}

impl KeyState {
    /// Returns the name, for display.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Pending => "pending",
            Self::Current => "current",
            Self::Retired => "retired",
            Self::Gone => "gone",
        }
    }
}

#[cfg(test)]
mod tests;
