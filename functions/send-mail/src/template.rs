//! Templates: texts with placeholders.

use std::borrow::Cow;

use thiserror::Error;

/// A text with placeholders of the form `{{name}}`.
#[derive(Debug)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    Place(String),
}

/// A defect of a template.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TemplateFault {
    /// The placeholder is unknown.
    #[error("has an unknown placeholder {{{{{0}}}}}")]
    UnknownPlace(String),
    /// A placeholder is not closed.
    #[error("has a placeholder that is not closed: {{{{ without }}}}")]
    Unclosed,
    /// A required placeholder is missing.
    #[error("lacks the placeholder {{{{{0}}}}}")]
    Lacks(&'static str),
    /// A required phrase is missing.
    #[error("lacks a line `{0}: …`")]
    LacksWord(&'static str),
    /// The text has no subject.
    #[error("does not begin with a line `Subject: …` and an empty line")]
    NoSubject,
    /// The line is not a phrase.
    #[error("has a line that is not `name: text`, or whose name is unknown or repeated: {0}")]
    NoWord(String),
}

impl Template {
    /// Parses a template, which may have the placeholders `known` and must have the placeholders `needed`.
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

    /// Replaces the placeholders once: text in a value that looks like a placeholder stays.
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

/// Escapes text for HTML content and quoted attributes.
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
    fn unknown_placeholders_are_refused_and_placeholders_in_values_stay() {
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
