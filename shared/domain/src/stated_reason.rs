//! Reasons that administrators state.

use serde::Serialize;
use thiserror::Error;

/// The limit in Unicode code points: enough for a sentence or the number of a ticket.
const MAX_CODE_POINTS: usize = 200;

/// The reason of an administrator's action. It may contain personal data, so it is left out of events with
/// ids only, and of the events of erased users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StatedReason(String);

/// Completes the sentence "`/reason` …".
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be 1 to 200 characters without control characters")]
pub struct InvalidReason;

impl StatedReason {
    /// The name of the field in events.
    pub(crate) const FIELD: &'static str = "stated_reason";

    /// Parses a reason: 1 to 200 code points after trimming, on one line.
    ///
    /// # Errors
    /// [`InvalidReason`] if the text has another form.
    pub fn parse(text: &str) -> Result<Self, InvalidReason> {
        let text = text.trim();
        let deceptive =
            |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if text.is_empty() || text.chars().count() > MAX_CODE_POINTS || text.chars().any(deceptive) {
            return Err(InvalidReason);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_bounded_line() {
        assert_eq!(StatedReason::parse(" ticket 4711 "), Ok(StatedReason("ticket 4711".to_owned())));
        assert!(StatedReason::parse(&"ß".repeat(200)).is_ok());
        for refused in ["", " ", "a\nb", "a\u{202e}b", &"ß".repeat(201)] {
            assert_eq!(StatedReason::parse(refused), Err(InvalidReason), "{refused:?}");
        }
    }
}
