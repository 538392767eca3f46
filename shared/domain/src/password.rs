//! Passwords and what is stored of them.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, Zeroizing};

use crate::CanonicalEmail;

/// NIST SP 800-63B-4, section 3.1.1.2, for a password that is the only factor.
const MIN_CODE_POINTS: usize = 15;
/// Well above the 64 that SP 800-63B-4 asks for; bounds the work of normalising and hashing.
const MAX_CODE_POINTS: usize = 256;
const MAX_OCTETS: usize = 1024;
/// A word this short is in too many good passwords to forbid it.
const MIN_WORD_CODE_POINTS: usize = 4;

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
    /// Fewer than 15 code points.
    #[error("must have at least 15 characters")]
    TooShort,
    /// More than 256 code points or 1 KiB.
    #[error("must have at most 256 characters and 1,024 bytes")]
    TooLong,
    /// Holds a control character, which no keyboard can repeat reliably.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// One that everybody tries first, or little more than a word about the person or the service.
    #[error("is too easy to guess: common, repetitive, or made of your address or this service's name")]
    Blocklisted,
}

/// The words that a password must not rest on: the service's and the person's own.
pub struct OwnWords(BTreeSet<String>);

impl OwnWords {
    /// Words of the service, and of the person who chooses.
    #[must_use]
    pub fn new(service: &str, email: Option<&CanonicalEmail>) -> Self {
        let address = email.map_or("", CanonicalEmail::as_str);
        let words = [service, address]
            .into_iter()
            .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()).chain([text]))
            .map(str::to_lowercase)
            .filter(|word| word.chars().count() >= MIN_WORD_CODE_POINTS)
            .collect();
        Self(words)
    }
}

impl Password {
    /// Takes a new password: 15 to 256 code points after NFC, any character but control
    /// characters, no composition rules, and not one that is easily guessed.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn choose(text: &Secret, own: &OwnWords) -> Result<Self, Vec<InvalidPassword>> {
        let password = Self::presented(text).map_err(|too_long| vec![too_long])?;
        let normal = password.expose();
        let count = normal.chars().count();
        let wrong: Vec<_> = [
            (count < MIN_CODE_POINTS).then_some(InvalidPassword::TooShort),
            (count > MAX_CODE_POINTS || normal.len() > MAX_OCTETS).then_some(InvalidPassword::TooLong),
            normal.chars().any(char::is_control).then_some(InvalidPassword::ControlCharacter),
            is_guessable(normal, own).then_some(InvalidPassword::Blocklisted),
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
            return Err(InvalidPassword::TooLong);
        }
        Ok(Self(Secret::from(text.expose().nfc().collect::<String>())))
    }

    /// The normalised text, for the hash.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Passwords of 15 or more characters that lead the published lists.
const COMMON: [&str; 22] = [
    "123456789012345",
    "1234567890123456",
    "12345678901234567890",
    "1qaz2wsx3edc4rfv",
    "1q2w3e4r5t6y7u8i",
    "1q2w3e4r5t6y7u8i9o0p",
    "qwertyuiopasdfgh",
    "qwertyuiopasdfghjkl",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertyuiop123456",
    "qwertyuiop1234567890",
    "abcdefghijklmnop",
    "abcdefghijklmnopqrstuvwxyz",
    "passwordpassword",
    "password12345678",
    "password123456789",
    "password1234567890",
    "passw0rdpassw0rd",
    "letmeinletmein123",
    "iloveyouiloveyou",
    "adminadminadmin",
    "correcthorsebatterystaple",
];

fn is_guessable(password: &str, own: &OwnWords) -> bool {
    let mut lower = password.to_lowercase();
    let distinct = lower.chars().collect::<BTreeSet<_>>().len();
    let common = COMMON.contains(&lower.as_str()) || distinct < 4;
    // What is left when the person's and the service's words are taken out must not be a trifle.
    for word in &own.0 {
        let rest = lower.replace(word.as_str(), "");
        lower.zeroize();
        lower = rest;
    }
    let guessable = common || lower.chars().count() < MIN_WORD_CODE_POINTS;
    lower.zeroize();
    guessable
}

/// A password hash as a PHC string, and the pepper that went into it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    /// `$argon2id$v=19$…`
    pub phc: String,
    /// Names the pepper; never the pepper itself.
    pub pepper_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Email;

    fn choose(text: &str) -> Result<(), Vec<InvalidPassword>> {
        let email = Email::parse("ada.lovelace@example.com").expect("an address");
        let own = OwnWords::new("Gatepost", Some(email.canonical()));
        Password::choose(&Secret::from(text.to_owned()), &own).map(drop)
    }

    #[test]
    fn length_counts_code_points() {
        assert_eq!(choose("kölner Dom, 157"), Ok(()));
        assert_eq!(choose("kölner Dom, 15"), Err(vec![InvalidPassword::TooShort]));
        assert_eq!(choose(&"🦀x1y".repeat(64)), Ok(()), "256 code points, 448 bytes");
        assert_eq!(choose(&"🦀x1y".repeat(65)), Err(vec![InvalidPassword::TooLong]));
        assert_eq!(choose(&"x".repeat(5000)), Err(vec![InvalidPassword::TooLong]));
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        assert_eq!(
            choose("gatepost\u{7}"),
            Err(vec![
                InvalidPassword::TooShort,
                InvalidPassword::ControlCharacter,
                InvalidPassword::Blocklisted
            ])
        );
    }

    #[test]
    fn common_repetitive_and_own_words_are_refused() {
        for guess in
            ["PasswordPassword", "aaaaaaaaaaaaaaaaaaaa", "ada.lovelace@example.com1", "GatepostGatepost12"]
        {
            assert_eq!(choose(guess), Err(vec![InvalidPassword::Blocklisted]), "{guess}");
        }
    }

    #[test]
    fn spaces_are_kept_and_composed_forms_are_one() {
        let own = OwnWords::new("Gatepost", None);
        let decomposed = Password::choose(&Secret::from("  u\u{308}ber den Wolken ".to_owned()), &own);
        assert_eq!(decomposed.map(|p| p.expose().to_owned()).ok().as_deref(), Some("  über den Wolken "));
    }
}
