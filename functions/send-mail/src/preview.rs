//! Previews of all letters with sample values.

use std::time::Duration;

use domain::{Locale, Name, Timestamp};

use crate::{
    digest::Figures,
    letter::{Content, Letter, Matter},
    templates::{Mail, Templates},
};

/// A link with an invalid token of the usual length.
const LINK: &str = "https://app.example.com/account#token=gpl_SAMPLE0SAMPLE1SAMPLE2SAMPLE3SAMPLE4SAMPLE5SAMPLE6SAMPLE7SAMPLE8";

/// A letter in a language.
pub struct Sample {
    /// The letter.
    pub letter: Letter,
    /// The language.
    pub locale: Locale,
    /// The rendered mail.
    pub mail: Mail,
}

impl Templates {
    /// Renders every letter in every language, addressed to `name` by `service`.
    #[must_use]
    pub fn samples(&self, service: &str, name: Option<&Name>, now: Timestamp) -> Vec<Sample> {
        let locales: Vec<_> = self.locales().filter_map(|tag| Locale::parse(tag).ok()).collect();
        let figures = Figures::sample(now);
        let sample = |locale: &Locale, letter: Letter| Sample {
            letter,
            locale: locale.clone(),
            mail: self.write(letter, Some(locale), service, content(letter, name, (now, &figures))),
        };
        locales.iter().flat_map(|locale| Letter::ALL.map(|letter| sample(locale, letter))).collect()
    }
}

fn content<'a>(
    letter: Letter,
    name: Option<&'a Name>,
    (now, figures): (Timestamp, &'a Figures),
) -> Content<'a> {
    let matter = match letter {
        Letter::Digest => return Content { name: None, matter: Matter::Figures(figures) },
        Letter::TokenReused => Matter::Reuse { at: now, device: Some("Firefox, Windows") },
        _ if letter.has_link() => Matter::Link { url: LINK, lifetime: Duration::from_mins(30) },
        _ => Matter::Moment(now),
    };
    Content { name, matter }
}
