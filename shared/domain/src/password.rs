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
/// NFC makes one code point of at most so many.
const MAX_COMPOSED: usize = 4;

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
    /// Takes a new password by its length and characters: within the policy's lengths after NFC, and without control
    /// characters. There are no composition rules. Whether it is easily guessed is for [`PasswordPolicy::judge`].
    ///
    /// # Errors
    /// [`InvalidPassword::TooLong`] alone, before anything else is looked at, or everything else that is wrong.
    pub fn choose(text: &Secret, policy: &PasswordPolicy) -> Result<Self, Vec<InvalidPassword>> {
        let too_long = || vec![InvalidPassword::TooLong(policy.max_length())];
        if text.expose().chars().count() > MAX_COMPOSED * policy.max_length() {
            return Err(too_long());
        }
        let password = Self::presented(text).map_err(|_| too_long())?;
        let count = password.expose().chars().count();
        if count > policy.max_length() {
            return Err(too_long());
        }
        let wrong: Vec<_> = [
            (count < policy.min_length()).then_some(InvalidPassword::TooShort(policy.min_length())),
            password.expose().chars().any(char::is_control).then_some(InvalidPassword::ControlCharacter),
        ]
        .into_iter()
        .flatten()
        .collect();
        if wrong.is_empty() { Ok(password) } else { Err(wrong) }
    }

    /// Takes a password that is presented to log in. Only its length is bounded, since rules change and old passwords
    /// stay.
    ///
    /// # Errors
    /// [`InvalidPassword::TooLong`] beyond 1 KiB after NFC; beyond 4 KiB before any work is done on it.
    pub fn presented(text: &Secret) -> Result<Self, InvalidPassword> {
        let too_long = InvalidPassword::TooLong(MAX_OCTETS);
        // NFC can shrink a text to a third: more than four times the bound cannot pass.
        if text.expose().len() > 4 * MAX_OCTETS {
            return Err(too_long);
        }
        let normal = Secret::from(text.expose().nfc().collect::<String>());
        if normal.expose().len() > MAX_OCTETS { Err(too_long) } else { Ok(Self(normal)) }
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
    /// The check did not answer in time, and the password was accepted.
    Unavailable,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(text: &str) -> Result<(), Vec<InvalidPassword>> {
        Password::choose(&Secret::from(text.to_owned()), &PasswordPolicy::DEFAULT).map(drop)
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
    fn a_password_that_is_too_long_is_nothing_else() {
        for long in ["\u{7}".repeat(257), "\u{7}".repeat(5000), "e\u{301}".repeat(300), "🦀".repeat(257)] {
            assert_eq!(choose(&long), Err(vec![InvalidPassword::TooLong(256)]));
        }
        assert_eq!(choose(&"e\u{301}".repeat(256)), Ok(()), "256 code points after NFC");
        assert_eq!(
            choose("short\u{7}"),
            Err(vec![InvalidPassword::TooShort(15), InvalidPassword::ControlCharacter])
        );
    }

    #[test]
    fn what_is_presented_is_bounded_before_and_after_it_is_normalised() {
        let presented = |text: String| Password::presented(&Secret::from(text)).map(drop);
        assert_eq!(presented("x".repeat(1024)), Ok(()));
        for long in ["x".repeat(1025), "x".repeat(4097)] {
            assert_eq!(presented(long), Err(InvalidPassword::TooLong(1024)));
        }
    }

    #[test]
    fn spaces_are_kept_and_composed_forms_are_one() {
        let text = Secret::from("  u\u{308}ber den Wolken ".to_owned());
        let decomposed = Password::choose(&text, &PasswordPolicy::DEFAULT);
        assert_eq!(decomposed.map(|p| p.expose().to_owned()).ok().as_deref(), Some("  über den Wolken "));
    }
}
