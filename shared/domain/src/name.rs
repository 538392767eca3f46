//! People's names.

use serde::Serialize;
use thiserror::Error;

/// Unicode code points; what the systems that Gatepost replaces store.
const MAX_CODE_POINTS: usize = 50;

/// A first or last name as its bearer writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Name(String);

/// "`/first_name` …"
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be 1 to 50 characters without control characters")]
pub struct InvalidName;

impl Name {
    /// Takes a name: 1 to 50 code points after trimming, no control or bidirectional-override
    /// characters (they would let a name rewrite the mail or page that shows it).
    ///
    /// # Errors
    /// [`InvalidName`] if that does not hold.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        let deceptive =
            |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if text.is_empty() || text.chars().count() > MAX_CODE_POINTS || text.chars().any(deceptive) {
            return Err(InvalidName);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_bounded() {
        assert_eq!(Name::parse(" Ada ").expect("a name").as_str(), "Ada");
        assert!(Name::parse(&"ß".repeat(50)).is_ok());
        for refused in ["", "  ", "A\nda", "A\u{202e}da", &"ß".repeat(51)] {
            assert_eq!(Name::parse(refused), Err(InvalidName), "{refused:?}");
        }
    }
}
