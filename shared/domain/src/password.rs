//! Passwords and their hashes.

mod coded;
mod guessable;
mod policy;

use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

pub use guessable::OwnWords;
pub use policy::PasswordPolicy;

/// Limits the work of normalization and hashing, regardless of the policy.
const MAX_OCTETS: usize = 1024;
/// The highest number of code points that NFC composes to one.
const MAX_COMPOSED: usize = 4;

/// Text that is never displayed, logged or stored. It has no `Debug`, `Display` or `Serialize`, and is wiped
/// when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Returns the text, for the one place that needs it.
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

/// A password, normalized to NFC and not trimmed.
#[derive(Clone)]
pub struct Password(Secret);

/// A defect of a password. Completes the sentence "`/password` …".
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum InvalidPassword {
    /// The password has too few code points.
    #[error("must have at least {0} characters")]
    TooShort(usize),
    /// The password has too many code points, or more than 1 KiB.
    #[error("must have at most {0} characters and 1,024 bytes")]
    TooLong(usize),
    /// The password contains a control character, which not every keyboard can enter.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// The password is common, repetitive, or little more than a word about the user or the service.
    #[error(
        "is too easy to guess: common, repetitive, or made of your name, your address or this service's name"
    )]
    Blocklisted,
    /// The password is in a list of breached passwords, which attackers try first.
    #[error("is in a list of breached passwords")]
    Breached,
    /// The password is the current or a previous one.
    #[error("must not be your current or a previous password")]
    Reused,
}

impl Password {
    /// Parses a new password: its length after NFC is within the policy, and it has no control characters.
    /// There are no composition rules. [`PasswordPolicy::judge`] checks whether it is guessable.
    ///
    /// # Errors
    /// [`InvalidPassword::TooLong`] alone and before all other checks, or all other defects.
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

    /// Parses a password for a log-in. Only its length is limited, because rules change and old passwords
    /// stay.
    ///
    /// # Errors
    /// [`InvalidPassword::TooLong`] above 1 KiB after NFC, or above 4 KiB before any work is done.
    pub fn presented(text: &Secret) -> Result<Self, InvalidPassword> {
        let too_long = InvalidPassword::TooLong(MAX_OCTETS);
        // NFC can shrink a text to a third, so a text of more than four times the limit cannot pass.
        if text.expose().len() > 4 * MAX_OCTETS {
            return Err(too_long);
        }
        let normal = Secret::from(text.expose().nfc().collect::<String>());
        if normal.expose().len() > MAX_OCTETS { Err(too_long) } else { Ok(Self(normal)) }
    }

    /// Returns whether both are equal. The time depends on both, so both must come from the same user.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }

    /// Returns the normalized text, for the hash.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A password hash as a PHC string, and the id of its pepper.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    /// The text, such as `$argon2id$v=19$…`.
    pub phc: String,
    /// The id of the pepper.
    pub pepper_id: String,
}

/// An acceptable new password, hashed.
#[derive(Clone)]
pub struct NewPassword {
    /// The hash.
    pub hash: PasswordHash,
    /// The result of the breach check, if it has to be recorded.
    pub breach_check: Option<BreachCheck>,
    /// The number of previous passwords to remember.
    pub remembered: usize,
}

/// The result of a breach check. Breached passwords are refused; a check that was disabled or found nothing
/// is not recorded.
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
    fn a_password_that_is_too_long_has_no_other_defect() {
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
    fn a_presented_password_is_limited_before_and_after_normalization() {
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
