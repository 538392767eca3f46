//! Languages that people read.

use serde::Serialize;
use thiserror::Error;

/// A language tag of BCP 47 (RFC 5646): a language, and a script and a region if given, e.g. `de`,
/// `pt-BR`, `zh-Hant-TW`; written as section 2.1.1 recommends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Locale(String);

/// "`/locale` …"
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be a language tag such as `de`, `pt-BR` or `zh-Hant-TW`")]
pub struct InvalidLocale;

impl Locale {
    /// Takes a tag, whatever its case.
    ///
    /// # Errors
    /// [`InvalidLocale`] for anything but a language, an optional script and an optional region.
    pub fn parse(text: &str) -> Result<Self, InvalidLocale> {
        let mut parts = text.split('-').peekable();
        let letters = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
        let language = parts.next().filter(|part| matches!(part.len(), 2 | 3) && letters(part));
        let mut tag = language.ok_or(InvalidLocale)?.to_ascii_lowercase();
        if let Some(script) = parts.next_if(|part| part.len() == 4 && letters(part)) {
            let (first, rest) = script.split_at(1);
            tag.extend(["-", &first.to_ascii_uppercase(), &rest.to_ascii_lowercase()]);
        }
        let is_region = |part: &&str| {
            part.len() == 2 && letters(part) || part.len() == 3 && part.bytes().all(|b| b.is_ascii_digit())
        };
        if let Some(region) = parts.next_if(is_region) {
            tag.extend(["-", &region.to_ascii_uppercase()]);
        }
        if parts.next().is_some() { Err(InvalidLocale) } else { Ok(Self(tag)) }
    }

    /// The tag itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_language_with_or_without_script_and_region() {
        let cases = [
            ("de", "de"),
            ("DE-at", "de-AT"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("gsw", "gsw"),
        ];
        for (written, tag) in cases {
            assert_eq!(Locale::parse(written).expect("a tag").as_str(), tag);
        }
        for refused in ["", "d", "de_AT", "de-", "de-AT-x", "de-AT-Latn", "english", "de-1", "../de", "dé"] {
            assert_eq!(Locale::parse(refused), Err(InvalidLocale), "{refused}");
        }
    }
}
