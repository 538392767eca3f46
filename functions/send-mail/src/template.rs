//! Templates: text with places for values.

use std::borrow::Cow;

use thiserror::Error;

/// A text with places, `{{name}}`.
#[derive(Debug)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    Place(String),
}

/// What is wrong with a template.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TemplateFault {
    /// A place that nothing is filled into.
    #[error("has a place {{{{{0}}}}}, which nothing is known for")]
    UnknownPlace(String),
    /// A place without an end.
    #[error("has a place without an end, {{{{ without }}}}")]
    Unclosed,
    /// A place that it must have is missing.
    #[error("lacks the place {{{{{0}}}}}, without which it is no use")]
    Lacks(&'static str),
    /// A line of words that it must have is missing.
    #[error("lacks a line `{0}: …`")]
    LacksWord(&'static str),
    /// A text without a subject.
    #[error("does not begin with a line `Subject: …` and an empty line")]
    NoSubject,
    /// A line of words that is none.
    #[error("has a line that is not `name: text`, or a name that is not known or there twice: {0}")]
    NoWord(String),
}

impl Template {
    /// Reads a template, which may have the places `known` and must have the places `needed`.
    pub(crate) fn parse(text: &str, known: &[&str], needed: &[&'static str]) -> Result<Self, TemplateFault> {
        let mut pieces = text.split("{{");
        let mut parsed = vec![Piece::Text(pieces.next().unwrap_or_default().to_owned())];
        for piece in pieces {
            let (place, rest) = piece.split_once("}}").ok_or(TemplateFault::Unclosed)?;
            if !known.contains(&place) {
                return Err(TemplateFault::UnknownPlace(place.to_owned()));
            }
            parsed.extend([Piece::Place(place.to_owned()), Piece::Text(rest.to_owned())]);
        }
        let has =
            |needed: &str| parsed.iter().any(|piece| matches!(piece, Piece::Place(place) if place == needed));
        match needed.iter().find(|needed| !has(needed)) {
            Some(lacking) => Err(TemplateFault::Lacks(lacking)),
            None => Ok(Self(parsed)),
        }
    }

    /// Puts values into the places, once: what looks like a place in a value stays as it is.
    pub(crate) fn fill(&self, values: &[(&str, impl AsRef<str>)]) -> String {
        let value =
            |place: &str| values.iter().find(|(name, _)| *name == place).map(|(_, value)| value.as_ref());
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Place(place) => value(place).unwrap_or_default().to_owned(),
        };
        self.0.iter().map(text).collect()
    }
}

/// Text as HTML, between tags and in quoted attributes.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_value_is_known_for_is_refused_and_what_looks_like_a_place_in_a_value_stays() {
        let parse = |text| Template::parse(text, &["a", "b"], &["a"]);
        let fault = |text| parse(text).err();

        assert_eq!(fault("{{a}} {{c}}"), Some(TemplateFault::UnknownPlace("c".to_owned())));
        assert_eq!(fault("{{a}} {{ b }}"), Some(TemplateFault::UnknownPlace(" b ".to_owned())));
        assert_eq!(fault("{{a}} {{b"), Some(TemplateFault::Unclosed));
        assert_eq!(fault("{{b}}"), Some(TemplateFault::Lacks("a")));

        let template = parse("<{{a}}|{{b}}|{{a}}>").expect("a template");
        assert_eq!(template.fill(&[("a", "{{b}}"), ("b", "}}")]), "<{{b}}|}}|{{b}}>");
    }
}
