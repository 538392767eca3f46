//! The languages of users.

use oxilangtag::LanguageTag;
use serde::Serialize;
use thiserror::Error;

/// The longest tag. RFC 5646, section 4.4.1, requires at least 35 characters.
const MAX_CHARACTERS: usize = 100;

/// A well-formed language tag of BCP 47 (RFC 5646), e.g. `de`, `zh-Hant-TW` or `en-u-rg-uszzzz`, in the case
/// that section 2.1.1 recommends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Locale(String);

/// Completes the sentence "`/locale` …".
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be a language tag such as `de`, `pt-BR` or `zh-Hant-TW`")]
pub struct InvalidLocale;

impl Locale {
    /// Parses a tag in any case.
    ///
    /// # Errors
    /// [`InvalidLocale`] if it is not well-formed, or longer than 100 characters.
    pub fn parse(text: &str) -> Result<Self, InvalidLocale> {
        if text.len() > MAX_CHARACTERS {
            return Err(InvalidLocale);
        }
        let tag = LanguageTag::parse_and_normalize(text).map_err(|_| InvalidLocale)?;
        Ok(Self(tag.into_inner()))
    }

    /// Returns the tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_well_formed_tag_is_kept_in_the_recommended_case() {
        let cases = [
            ("de", "de"),
            ("DE-at", "de-AT"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("gsw", "gsw"),
            ("en-u-rg-uszzzz", "en-u-rg-uszzzz"),
            ("EN-us-U-HC-h12-X-priv", "en-US-u-hc-h12-x-priv"),
            ("ca-ES-valencia", "ca-ES-valencia"),
            ("sl-rozaj-biske-1994", "sl-rozaj-biske-1994"),
            ("zh-cmn-Hans-CN", "zh-cmn-Hans-CN"),
            ("i-klingon", "i-klingon"),
            ("x-private", "x-private"),
        ];
        for (written, tag) in cases {
            assert_eq!(Locale::parse(written).expect("a tag").as_str(), tag);
        }
    }

    #[test]
    fn a_malformed_tag_is_refused() {
        let long = format!("x{}", "-abcdefgh".repeat(12));
        for refused in [
            "",
            "d",
            "de_AT",
            "de-",
            "de-AT-x",
            "de-AT-Latn",
            "en-US-US",
            "de-1",
            "../de",
            "dé",
            "??",
            " de",
            &long,
        ] {
            assert_eq!(Locale::parse(refused), Err(InvalidLocale), "{refused}");
        }
    }
}
