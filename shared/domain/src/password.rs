//! Passwords and what is stored of them.

mod coded;
mod guessable;
mod policy;

use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

pub use guessable::OwnWords;
pub use policy::PasswordPolicy;

/// Bounds the work of normalising and hashing, whatever the policy permits.
const MAX_OCTETS: usize = 1024;

/// Text that is never shown, logged or stored: no `Debug`, no `Display`, no `Serialize`; wiped
/// when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// A password, NFC-normalised, never trimmed.
#[derive(Clone)]
pub struct Password(Secret);

/// What is wrong with a password: "`/password` …"
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum InvalidPassword {
    /// Fewer code points than this.
    #[error("must have at least {0} characters")]
    TooShort(usize),
    /// More code points than this, or more than 1 KiB.
    #[error("must have at most {0} characters and 1,024 bytes")]
    TooLong(usize),
    /// Holds a control character, which no keyboard can repeat reliably.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// One that everybody tries first, or little more than a word about the person or the service.
    #[error(
        "is too easy to guess: common, repetitive, or made of your name, your address or this service's name"
    )]
    Blocklisted,
    /// In a list of stolen passwords, which whoever guesses tries first.
    #[error("is in a list of passwords that were stolen elsewhere")]
    Breached,
    /// The person's present one, or one of those before.
    #[error("must not be one that you had before")]
    Reused,
}

impl Password {
    /// Takes a new password: as long as the policy says after NFC, any character but control
    /// characters, no composition rules, and not one that is easily guessed.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn choose(
        text: &Secret,
        policy: &PasswordPolicy,
        own: &OwnWords,
    ) -> Result<Self, Vec<InvalidPassword>> {
        let too_long = InvalidPassword::TooLong(policy.max_length());
        let password = Self::presented(text).map_err(|_| vec![too_long])?;
        let normal = password.expose();
        let count = normal.chars().count();
        let wrong: Vec<_> = [
            (count < policy.min_length()).then_some(InvalidPassword::TooShort(policy.min_length())),
            (count > policy.max_length() || normal.len() > MAX_OCTETS).then_some(too_long),
            normal.chars().any(char::is_control).then_some(InvalidPassword::ControlCharacter),
            policy.is_guessable(normal, own).then_some(InvalidPassword::Blocklisted),
        ]
        .into_iter()
        .flatten()
        .collect();
        if wrong.is_empty() { Ok(password) } else { Err(wrong) }
    }

    /// Takes a password that somebody presents to log in: no rule but the bound, since rules
    /// change and old passwords stay.
    ///
    /// # Errors
    /// [`InvalidPassword::TooLong`] beyond 4 KiB, before any work is done on it.
    pub fn presented(text: &Secret) -> Result<Self, InvalidPassword> {
        // NFC can shrink a text to a third; more than four times the bound cannot pass.
        if text.expose().len() > 4 * MAX_OCTETS {
            return Err(InvalidPassword::TooLong(MAX_OCTETS));
        }
        Ok(Self(Secret::from(text.expose().nfc().collect::<String>())))
    }

    /// Whether both are the same. Takes a time that depends on both: for two that one person entered.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }

    /// The normalised text, for the hash.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A password hash as a PHC string, and the pepper that went into it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    /// `$argon2id$v=19$…`
    pub phc: String,
    /// Names the pepper; never the pepper itself.
    pub pepper_id: String,
}

/// A new password that is acceptable, hashed.
#[derive(Clone)]
pub struct NewPassword {
    /// Its hash.
    pub hash: PasswordHash,
    /// What became of the question whether it was stolen elsewhere, if that is to be told.
    pub breach_check: Option<BreachCheck>,
    /// How many passwords before it are remembered, so that they do not come back.
    pub remembered: usize,
}

/// What became of the question whether a password was stolen elsewhere. If it was, it is not taken;
/// if nobody was asked, or it was not, there is nothing to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BreachCheck {
    /// Nobody answered in time, so the password was taken all the same.
    Unavailable,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Email;

    fn choose(text: &str) -> Result<(), Vec<InvalidPassword>> {
        let email = Email::parse("ada.lovelace@example.com").expect("an address");
        let own = OwnWords::new("Gatepost", Some(email.canonical()));
        Password::choose(&Secret::from(text.to_owned()), &PasswordPolicy::DEFAULT, &own).map(drop)
    }

    #[test]
    fn length_counts_code_points() {
        assert_eq!(choose("kölner Dom, 157"), Ok(()));
        assert_eq!(choose("kölner Dom, 15"), Err(vec![InvalidPassword::TooShort(15)]));
        let crabs =
            |count: u32| (100..100 + count).fold(String::new(), |text, n| text + "🦀" + &n.to_string());
        assert_eq!(choose(&crabs(64)), Ok(()), "256 code points, 448 bytes");
        assert_eq!(choose(&crabs(65)), Err(vec![InvalidPassword::TooLong(256)]));
        assert_eq!(choose(&"x".repeat(5000)), Err(vec![InvalidPassword::TooLong(256)]));
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        assert_eq!(
            choose("gatepost\u{7}"),
            Err(vec![
                InvalidPassword::TooShort(15),
                InvalidPassword::ControlCharacter,
                InvalidPassword::Blocklisted
            ])
        );
    }

    #[test]
    fn spaces_are_kept_and_composed_forms_are_one() {
        let own = OwnWords::new("Gatepost", None);
        let text = Secret::from("  u\u{308}ber den Wolken ".to_owned());
        let decomposed = Password::choose(&text, &PasswordPolicy::DEFAULT, &own);
        assert_eq!(decomposed.map(|p| p.expose().to_owned()).ok().as_deref(), Some("  über den Wolken "));
    }
}
