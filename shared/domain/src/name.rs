//! Names of users.

use serde::Serialize;
use thiserror::Error;
use unicode_normalization::char::is_combining_mark;

/// The limit in Unicode code points. The systems that Gatepost replaces have the same.
const MAX_CODE_POINTS: usize = 50;
/// A text with more words is a sentence.
const MAX_WORDS_OF_GREETING: usize = 3;
/// No script needs more marks on one letter. Further marks would be drawn over the neighbouring lines.
const MAX_MARKS: usize = 4;

/// A first or last name, as its bearer writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Name(String);

/// Completes the sentence "`/first_name` …".
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be 1 to 50 characters without control characters")]
pub struct InvalidName;

impl Name {
    /// Parses a name: 1 to 50 code points after trimming, without control or bidirectional override
    /// characters, which could change the mail or page that shows the name.
    ///
    /// # Errors
    /// [`InvalidName`] if the name has another form.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        let deceptive =
            |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if text.is_empty() || text.chars().count() > MAX_CODE_POINTS || text.chars().any(deceptive) {
            return Err(InvalidName);
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns whether a mail may greet by this name. It has at most three words of letters with their marks;
    /// a joiner, hyphen or apostrophe may separate two letters. Therefore it can be neither a link nor a
    /// sentence, which readers would take for the service's own text.
    #[must_use]
    pub fn is_greetable(&self) -> bool {
        self.0.split(' ').count() <= MAX_WORDS_OF_GREETING && self.0.split(' ').all(is_word)
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_word(word: &str) -> bool {
    let mut marks = 0;
    // Whether a letter must follow.
    let mut is_open = true;
    for c in word.chars() {
        let is_mark = is_combining_mark(c);
        marks = if is_mark { marks + 1 } else { 0 };
        match c {
            _ if is_mark => {
                if is_open || marks > MAX_MARKS {
                    return false;
                }
            }
            // Joiners, hyphens, apostrophes.
            '\u{200c}' | '\u{200d}' | '-' | '\u{2010}' | '\u{2011}' | '\'' | '’' => {
                if is_open {
                    return false;
                }
                is_open = true;
            }
            _ if c.is_alphabetic() => is_open = false,
            _ => return false,
        }
    }
    !is_open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_script_is_greetable_and_a_link_or_a_sentence_is_not() {
        let greetable = [
            "Zoë",
            "Zoe\u{308}",
            "Nguye\u{302}\u{303}n",
            "Jean-Luc",
            "Anne\u{2010}Marie",
            "O'Brien",
            "O’Brien",
            "ʻOkina",
            "李小龍",
            "Anna Maria",
            "Maria del Carmen",
            "आदित्य",
            "श्री",
            "क्\u{200d}षमा",
            "தமிழ்ச்செல்வி",
            "ปิยะมาศ",
            "علی\u{200c}رضا",
            "مُحَمَّد",
            "שָׂרָה",
            "ශ්\u{200d}රී",
            "Ελένη",
            "Ёлка",
            "ქეთევან",
            "ᏣᎳᎩ",
        ];
        for name in greetable {
            assert!(Name::parse(name).expect("a name").is_greetable(), "{name:?}");
        }
        let refused = [
            "evil.com",
            "evil\u{3002}com",
            "evil\u{2024}com",
            "http://x",
            "www evil com now",
            "Call me right now",
            "Free money at example",
            "<b>",
            "Call +49123",
            "Agent 007",
            "Ada\u{661}",
            "{{link}}",
            "a@b",
            "a/b",
            "a:b",
            "Ada!",
            "Ada, hello",
            "Ada\u{200b}Lovelace",
            "Ada\u{200f}",
            "\u{308}Zoe",
            "Anna \u{308}Zoe",
            "Ada\u{200d}",
            "\u{200c}Ada",
            "Ada\u{200c}\u{200c}Eva",
            "Ada--Eva",
            "-Ada",
            "Ada-",
            "Ada  Eva",
            "👩\u{200d}💻",
            "Z\u{300}\u{301}\u{302}\u{303}\u{304}",
        ];
        for name in refused {
            assert!(!Name::parse(name).expect("a name").is_greetable(), "{name:?}");
        }
    }

    #[test]
    fn a_name_is_trimmed_and_bounded() {
        assert_eq!(Name::parse(" Ada ").expect("a name").as_str(), "Ada");
        assert!(Name::parse(&"ß".repeat(50)).is_ok());
        for refused in ["", "  ", "A\nda", "A\u{202e}da", &"ß".repeat(51)] {
            assert_eq!(Name::parse(refused), Err(InvalidName), "{refused:?}");
        }
    }
}
