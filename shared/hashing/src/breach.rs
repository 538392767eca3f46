//! How the range service of Have I Been Pwned names a password: by the first five digits of its SHA-1,
//! which a thousand others share. SHA-1 is the service's choice; nothing rests on it.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use domain::{Password, Secret};

const PREFIX: usize = 5;

/// What a password is looked up by.
pub struct BreachKey(Secret);

impl BreachKey {
    /// The key of a password.
    #[must_use]
    pub fn of(password: &Password) -> Self {
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.expose().as_bytes());
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase();
        let digits = digest.as_ref().iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 15)]);
        Self(Secret::from(digits.collect::<String>()))
    }

    /// All that the service is told.
    #[must_use]
    pub fn range(&self) -> &str {
        self.0.expose().get(..PREFIX).unwrap_or_default()
    }

    /// Whether a range that the service has answered holds the password: lines of the other digits and
    /// of how often it was seen, which is 0 for what only pads the answer.
    #[must_use]
    pub fn is_in(&self, range: &str) -> bool {
        let rest = self.0.expose().get(PREFIX..).unwrap_or_default();
        let seen = |line: &str| {
            let (digits, count) = line.trim_end().split_once(':')?;
            (digits.eq_ignore_ascii_case(rest)).then(|| count.bytes().any(|digit| digit != b'0'))
        };
        range.lines().find_map(seen).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-1 of `password`: 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8.
    const REST: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

    fn key() -> BreachKey {
        BreachKey::of(&Password::presented(&Secret::from("password".to_owned())).expect("a password"))
    }

    #[test]
    fn no_more_than_five_digits_are_told() {
        assert_eq!(key().range(), "5BAA6");
    }

    #[test]
    fn a_password_is_found_among_others() {
        let line = |count: &str| format!("003D68EB55068C33ACE09247EE4C639306B:3\r\n{REST}:{count}\r\nFF:1");
        assert!(key().is_in(&line("9545824")));
        assert!(key().is_in(&line("10").to_lowercase()));
        assert!(!key().is_in(&line("0")), "what pads the answer");
        assert!(!key().is_in("003D68EB55068C33ACE09247EE4C639306B:3"));
        assert!(!key().is_in(""));
        assert!(!key().is_in(&format!("{REST}\n{REST}0:1\n")));
    }
}
