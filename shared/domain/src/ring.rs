//! The deployment's one secret: a ring of keys, and the peppers.
//!
//! A rotation is two changes of the secret. The first adds a key that does not sign yet; then its
//! public half is published; the second says from when it signs, and until when the keys before it
//! verify. So whatever breaks off between them, a key is published before it signs. When the moment
//! comes nobody writes anything: every function goes by its clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{KeyMaterial, MalformedSeeds, Secret, Seed, Seeds, SigningAlgorithm, Timestamp};

/// The keys and the peppers, newest first.
#[derive(Clone)]
pub struct Ring {
    keys: Vec<RingKey>,
    peppers: Vec<RingPepper>,
}

/// A key of the ring: what signing, refresh-token, cursor, receipt and device keys are derived from.
#[derive(Clone)]
pub struct RingKey {
    material: KeyMaterial,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

#[derive(Clone)]
struct RingPepper {
    seed: Seed,
    from: Timestamp,
}

/// What a key of the ring is for at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Perhaps not published yet: it is not known from when it signs.
    New,
    /// Published; it is known from when it signs.
    Pending,
    /// It signs.
    Current,
    /// It does not sign any more, and still verifies.
    Retired,
    /// It does not verify any more.
    Gone,
}

/// The key signs: another one must first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StillSigns;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    /// As it was generated: both a key and a pepper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    previous: Vec<String>,
    #[serde(default)]
    keys: Vec<StoredKey>,
    #[serde(default)]
    peppers: Vec<StoredPepper>,
}

/// Moments are milliseconds since the Unix epoch.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    seed: String,
    /// Absent is the default: there was a time when there was no other.
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
    /// How long a function, and whoever verifies tokens elsewhere, keeps keys before looking again.
    pub const KEPT_FOR: Duration = Duration::from_mins(5);
    /// How long a key is published before it signs: longer than all who keep keys one after the other.
    pub const LEAD: Duration = Duration::from_hours(1);
    /// The same of a key of RSA: for the authorizer of API Gateway, which takes no other, and keeps keys for two
    /// hours.
    pub const LEAD_OF_RSA: Duration = Duration::from_hours(3);

    /// Reads the secret: as it was generated, `{"seed": "…", "previous": ["…"]}`, or as a rotation leaves it,
    /// `{"keys": […], "peppers": […]}`.
    ///
    /// # Errors
    /// [`MalformedSeeds`] if it is anything else, or if a seed is too short to be random.
    pub fn parse(secret: &str) -> Result<Self, MalformedSeeds> {
        let stored: Stored = serde_json::from_str(secret).map_err(|_| MalformedSeeds)?;
        let generated = stored.seed.into_iter().chain(stored.previous).map(Seed::parse);
        let generated = generated.collect::<Result<Vec<_>, _>>()?;
        let begun = Some(Timestamp::from_millis(0));
        let first = |seed| RingKey { material: KeyMaterial::first(seed), from: begun, until: None };
        let mut keys: Vec<_> = generated.iter().cloned().map(first).collect();
        keys.extend(stored.keys.into_iter().map(RingKey::parse).collect::<Result<Vec<_>, _>>()?);
        let mut peppers: Vec<_> =
            generated.into_iter().map(|seed| RingPepper { seed, from: Timestamp::from_millis(0) }).collect();
        peppers.extend(stored.peppers.into_iter().map(RingPepper::parse).collect::<Result<Vec<_>, _>>()?);
        if keys.is_empty() || peppers.is_empty() {
            return Err(MalformedSeeds);
        }
        Ok(Self { keys, peppers })
    }

    /// The text of the secret.
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
        let stored =
            Stored { seed: None, previous: Vec::new(), keys: keys.collect(), peppers: peppers.collect() };
        // Only a map key that is no string, or a failing `Serialize`, could fail; there is neither.
        Zeroizing::new(serde_json::to_string(&stored).unwrap_or_default())
    }

    /// What is derived from at the moment `now`: what signs first, and nothing that is gone.
    #[must_use]
    pub fn seeds_at(&self, now: Timestamp) -> Seeds {
        let current = self.current_at(now);
        let others =
            self.keys.iter().enumerate().filter(|(index, key)| *index != current && !key.is_gone(now));
        let keys = self.keys.get(current).into_iter().chain(others.map(|(_, key)| key));
        let first = self.peppers.iter().position(|pepper| pepper.from <= now);
        let first = first.unwrap_or(self.peppers.len() - 1);
        let others = self.peppers.iter().enumerate().filter(|(index, _)| *index != first);
        let peppers = self.peppers.get(first).into_iter().chain(others.map(|(_, pepper)| pepper));
        Seeds {
            keys: keys.map(|key| key.material.clone()).collect(),
            peppers: peppers.map(|pepper| pepper.seed.clone()).collect(),
        }
    }

    /// When [`Self::seeds_at`] says something else than now.
    #[must_use]
    pub fn changes_at(&self, now: Timestamp) -> Option<Timestamp> {
        let of_keys = self.keys.iter().flat_map(|key| [key.from, key.until]).flatten();
        let of_peppers = self.peppers.iter().map(|pepper| pepper.from);
        of_keys.chain(of_peppers).filter(|moment| *moment > now).min()
    }

    /// Every key, newest first, and what it is for at the moment `now`.
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

    /// The seeds of the peppers, newest first.
    pub fn peppers(&self) -> impl Iterator<Item = (&Seed, Timestamp)> {
        self.peppers.iter().map(|pepper| (&pepper.seed, pepper.from))
    }

    /// Whether the current key has signed for as long as `every`, if that ever ends, or signs by another
    /// algorithm than `wanted`; and no other key is on its way.
    #[must_use]
    pub fn is_due(&self, now: Timestamp, every: Option<Duration>, wanted: SigningAlgorithm) -> bool {
        let is_old =
            |key: &RingKey| every.is_some_and(|every| key.from.is_none_or(|from| from.plus(every) <= now));
        let current = self.keys.get(self.current_at(now));
        !self.is_rotating(now) && current.is_none_or(|key| is_old(key) || key.material.algorithm() != wanted)
    }

    /// Whether a key is on its way to sign.
    #[must_use]
    pub fn is_rotating(&self, now: Timestamp) -> bool {
        self.keys_at(now).any(|(_, state)| matches!(state, KeyState::New | KeyState::Pending))
    }

    /// The first change of a rotation: a key that does not sign yet, and no keys that are gone. `None` if
    /// another key is on its way.
    #[must_use]
    pub fn with_new_key(&self, material: KeyMaterial, now: Timestamp) -> Option<Self> {
        if self.is_rotating(now) {
            return None;
        }
        let alive = self.keys.iter().filter(|key| !key.is_gone(now)).cloned();
        let keys = std::iter::once(RingKey { material, from: None, until: None }).chain(alive).collect();
        Some(Self { keys, peppers: self.peppers.clone() })
    }

    /// The second change, once the new key is published: when it signs, and until when the keys before it
    /// verify, `overlap` longer. `None` if there is no such key.
    #[must_use]
    pub fn with_start(&self, now: Timestamp, overlap: Duration) -> Option<Self> {
        let mut ring = self.clone();
        let (new, others) = ring.keys.split_first_mut().filter(|(new, _)| new.from.is_none())?;
        let is_rsa = new.material.algorithm().is_rsa();
        let from = now.plus(if is_rsa { Self::LEAD_OF_RSA } else { Self::LEAD });
        new.from = Some(from);
        for other in others.iter_mut().filter(|other| other.until.is_none()) {
            other.until = Some(from.plus(overlap));
        }
        Some(ring)
    }

    /// Another pepper, which makes hashes once everybody knows it; those before it stay.
    #[must_use]
    pub fn with_new_pepper(&self, seed: Seed, now: Timestamp) -> Self {
        let mut ring = self.clone();
        ring.peppers.insert(0, RingPepper { seed, from: now.plus(Self::LEAD) });
        ring
    }

    /// A new key signs at once, and all others are gone.
    #[must_use]
    pub fn revoked(&self, material: KeyMaterial, now: Timestamp) -> Self {
        let mut ring = self.clone();
        for key in &mut ring.keys {
            key.end_at(now);
        }
        ring.keys.insert(0, RingKey { material, from: Some(now), until: None });
        ring
    }

    /// The retired key at `index` is gone at once.
    ///
    /// # Errors
    /// [`StillSigns`] if it signs, or will.
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

    /// The newest that has begun; before a clock has reached any, the oldest.
    fn current_at(&self, now: Timestamp) -> usize {
        let has_begun = |key: &RingKey| key.from.is_some_and(|from| from <= now) && !key.is_gone(now);
        let alive = || self.keys.iter().rposition(|key| !key.is_gone(now));
        self.keys.iter().position(has_begun).or_else(alive).unwrap_or(0)
    }
}

impl RingKey {
    fn parse(stored: StoredKey) -> Result<Self, MalformedSeeds> {
        let moment = |millis: Option<i64>| millis.map(Timestamp::from_millis);
        let algorithm = stored.algorithm.as_deref().map(str::parse).transpose();
        let algorithm = algorithm.map_err(|_| MalformedSeeds)?.unwrap_or_default();
        let private_key = stored.private_key.map(Secret::from);
        let material = KeyMaterial::new(Seed::parse(stored.seed)?, algorithm, private_key)?;
        Ok(Self { material, from: moment(stored.from), until: moment(stored.until) })
    }

    /// What it is made of.
    #[must_use]
    pub const fn material(&self) -> &KeyMaterial {
        &self.material
    }

    /// From when it signs, once that is known.
    #[must_use]
    pub const fn from(&self) -> Option<Timestamp> {
        self.from
    }

    /// Until when it verifies, once that is known.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    fn is_gone(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    fn end_at(&mut self, now: Timestamp) {
        self.until = Some(self.until.map_or(now, |until| until.min(now)));
    }
}

impl RingPepper {
    fn parse(stored: StoredPepper) -> Result<Self, MalformedSeeds> {
        Ok(Self { seed: Seed::parse(stored.seed)?, from: Timestamp::from_millis(stored.from) })
    }
}

impl KeyState {
    /// As people read it.
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
