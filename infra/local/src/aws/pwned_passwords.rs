//! What stands in for the range service of Have I Been Pwned: it knows one stolen password, and pads its
//! answers.

use super::answer::Answer;

/// SHA-1 of `swimming with the sharks`.
const STOLEN: &str = "048EE2D49E37902DEF437B1883AE6B82B28A997E";

/// `GET /range/{range}`: the other digits of all that begin with these five.
pub(crate) fn range(digits: &str) -> Answer {
    if digits.len() != 5 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Answer { status: 400, body: b"The hash format was not in a valid format".to_vec() };
    }
    let stolen = STOLEN.strip_prefix(digits).map(|rest| format!("{rest}:1848\r\n")).unwrap_or_default();
    let padding = format!("{}:0\r\n", "0".repeat(STOLEN.len() - digits.len()));
    Answer { status: 200, body: (stolen + &padding).into_bytes() }
}
