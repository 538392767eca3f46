//! What a mail says: templates, and what is put into them.

use std::{borrow::Cow, time::Duration};

use domain::Name;

const VERIFY_TEXT: &str = include_str!("../mail/verify.txt");
const VERIFY_HTML: &str = include_str!("../mail/verify.html");

/// A mail, ready to be sent. Holds a link: never logged.
pub(crate) struct Letter {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Letter {
    /// The mail that proves an address. Its subject holds no word of the one who registered: what
    /// anybody can send to anybody must not carry a message of theirs.
    pub(crate) fn verification(service: &str, name: Option<&Name>, link: &str, lifetime: Duration) -> Self {
        let (greeting, lifetime) = (greeting(name), in_words(lifetime));
        let values =
            [("greeting", greeting.as_str()), ("service", service), ("link", link), ("lifetime", &lifetime)];
        Self {
            subject: format!("Confirm your e-mail address for {service}"),
            text: fill(VERIFY_TEXT, &values, |value| Cow::Borrowed(value)),
            html: fill(VERIFY_HTML, &values, escape),
        }
    }
}

/// Greets by name if it is made of letters: whoever registers a stranger's address must not be able
/// to make it "Free money at example.com", which mail programs would even turn into a link.
fn greeting(name: Option<&Name>) -> String {
    let is_plain =
        |name: &&str| name.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '’'));
    match name.map(Name::as_str).filter(is_plain) {
        Some(name) => format!("Hello {name},"),
        None => "Hello,".to_owned(),
    }
}

/// A time left, as people say it. Five minutes may have passed on the way here.
fn in_words(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60);
    let counted = |count: u64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    match minutes + 5 {
        0..120 => counted(minutes, "minute"),
        minutes @ 120..2880 => counted(minutes / 60, "hour"),
        minutes => counted(minutes / (24 * 60), "day"),
    }
}

/// Puts values into a template, once: what looks like a place in a value stays as it is.
fn fill(template: &str, values: &[(&str, &str)], escape: impl Fn(&str) -> Cow<'_, str>) -> String {
    let mut pieces = template.split("{{");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").unwrap_or((piece, ""));
        let value = values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        filled.push_str(&escape(value));
        filled.push_str(rest);
    }
    filled
}

/// Text as HTML, between tags and in quoted attributes.
fn escape(text: &str) -> Cow<'_, str> {
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
    use proptest::prelude::*;

    use super::*;

    const LINK: &str = "https://app.example.com/verify#token=gpl_abc";

    fn letter(service: &str, name: &str) -> Letter {
        Letter::verification(service, Name::parse(name).ok().as_ref(), LINK, Duration::from_hours(24))
    }

    #[test]
    fn the_mail_says_who_writes_what_to_do_and_what_if_it_was_not_you() {
        let letter = letter("Tom & Jerry's", "Ada");

        assert_eq!(letter.subject, "Confirm your e-mail address for Tom & Jerry's");
        for part in ["Hello Ada,", "with Tom & Jerry's.", LINK, "24 hours", "was not you"] {
            assert!(letter.text.contains(part), "{part}");
        }
        for part in ["Hello Ada,", "Tom &amp; Jerry&#39;s", "24 hours", "was not you"] {
            assert!(letter.html.contains(part), "{part}");
        }
        assert_eq!(letter.html.matches(LINK).count(), 2);
    }

    #[test]
    fn a_name_that_is_more_than_a_name_is_left_out() {
        for name in ["Zoë", "Jean-Luc", "O'Brien", "李小龍", "Anna Maria"] {
            assert_eq!(greeting(Name::parse(name).ok().as_ref()), format!("Hello {name},"));
        }
        for name in ["evil.com", "http://x", "<b>", "Call +49123", "{{link}}", "a@b"] {
            assert_eq!(greeting(Name::parse(name).ok().as_ref()), "Hello,");
        }
        assert_eq!(greeting(None), "Hello,");
    }

    #[test]
    fn a_lifetime_is_said_in_words_and_does_not_lose_an_hour_on_the_way() {
        let cases = [
            (24 * 3600, "24 hours"),
            (24 * 3600 - 40, "24 hours"),
            (23 * 3600 + 1800, "23 hours"),
            (7 * 24 * 3600 - 1, "7 days"),
            (7200, "2 hours"),
            (3600, "60 minutes"),
            (60, "1 minute"),
        ];
        for (seconds, words) in cases {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }

    proptest! {
        #[test]
        fn no_value_brings_markup_or_is_filled_again(service in "[^\\x00-\\x1F\\x7F]{1,100}", name in ".{0,50}") {
            let (plain, hostile) = (letter("X", ""), letter(&service, &name));

            let markup = |html: &str| html.matches(['<', '>', '"']).count();
            prop_assert_eq!(markup(&hostile.html), markup(&plain.html));
            prop_assert_eq!(hostile.html.matches(LINK).count(), 2);
            prop_assert!(hostile.text.contains(&service));
        }
    }
}
