//! A minimal parser for CloudFormation's XML responses. A full parser would be larger than the need.

use std::fmt::Write as _;

/// Returns the text of each `<member>` from its beginning.
pub(crate) fn members(xml: &str) -> impl Iterator<Item = &str> {
    xml.split("<member>").skip(1)
}

/// Returns the text of the first element with this name.
pub(crate) fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"))
}

/// Escapes a text for a path or a query.
pub(crate) fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_one_part_of_a_path() {
        assert_eq!(escaped("a.b+c@example.com/x"), "a.b%2Bc%40example.com%2Fx");
    }
}
