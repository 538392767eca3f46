//! The deployment's one secret.

use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

/// A seed shorter than this does not hold the 256 bits that are derived from it, whatever
/// alphabet it is written in (64 alphanumeric characters hold 381).
const MIN_SEED_CHARACTERS: usize = 43;

/// The random seeds from which every key and pepper is derived: the current one makes, the
/// previous ones still verify.
#[derive(Clone)]
pub struct Seeds {
    current: Zeroizing<Vec<u8>>,
    previous: Vec<Zeroizing<Vec<u8>>>,
}

/// The secret is not what it must be. Says nothing of what it is.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "the keys secret must be a JSON object with `seed`, at least 43 random characters, and `previous`, a list of such"
)]
pub struct MalformedSeeds;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    seed: String,
    #[serde(default)]
    previous: Vec<String>,
}

impl Seeds {
    /// Reads the secret `{"seed": "…", "previous": ["…"]}`.
    ///
    /// # Errors
    /// [`MalformedSeeds`] if it is anything else, or if a seed is too short to be random.
    pub fn parse(secret: &str) -> Result<Self, MalformedSeeds> {
        let stored: Stored = serde_json::from_str(secret).map_err(|_| MalformedSeeds)?;
        let current = seed(stored.seed)?;
        let previous = stored.previous.into_iter().map(seed).collect::<Result<_, _>>()?;
        Ok(Self { current, previous })
    }

    /// The seed that new tokens and hashes are made with.
    #[must_use]
    pub fn current(&self) -> &[u8] {
        &self.current
    }

    /// The seeds that old tokens and hashes may still need, newest first.
    pub fn previous(&self) -> impl Iterator<Item = &[u8]> {
        self.previous.iter().map(|seed| seed.as_slice())
    }
}

fn seed(text: String) -> Result<Zeroizing<Vec<u8>>, MalformedSeeds> {
    let text = Zeroizing::new(text.into_bytes());
    let distinct = text.iter().collect::<std::collections::HashSet<_>>().len();
    // "aaaa…" or "change-me-change-me-…" is no seed: 43 random characters have far more variety.
    if text.len() < MIN_SEED_CHARACTERS || distinct < 16 {
        return Err(MalformedSeeds);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_or_default_seed_is_refused() {
        let padded = format!(r#"{{"seed":"{}"}}"#, "change-me-".repeat(6));
        for secret in ["", "{}", r#"{"seed":"short"}"#, padded.as_str()] {
            assert_eq!(Seeds::parse(secret).err(), Some(MalformedSeeds), "{secret}");
        }
    }

    #[test]
    fn previous_seeds_are_kept_in_order() {
        let seed = |c: char| format!("{c}0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL");
        let secret = format!(r#"{{"seed":"{}","previous":["{}","{}"]}}"#, seed('1'), seed('2'), seed('3'));
        let seeds = Seeds::parse(&secret).expect("seeds");
        assert_eq!(seeds.current(), seed('1').as_bytes());
        assert_eq!(
            seeds.previous().map(<[u8]>::to_vec).collect::<Vec<_>>(),
            [seed('2').into_bytes(), seed('3').into_bytes()]
        );
    }
}
