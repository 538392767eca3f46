//! The phrases that all letters of a language use: greetings, durations, times.

use std::{collections::BTreeMap, time::Duration};

use domain::{Name, Timestamp};

use crate::template::{Template, TemplateFault};

/// Each phrase with its placeholders, and those that it needs.
const WORDS: [(&str, &[&str], &[&str]); 9] = [
    ("greeting", &[], &[]),
    ("greeting-by-name", &["name"], &["name"]),
    ("minute", &["count"], &["count"]),
    ("minutes", &["count"], &["count"]),
    ("hour", &["count"], &["count"]),
    ("hours", &["count"], &["count"]),
    ("day", &["count"], &["count"]),
    ("days", &["count"], &["count"]),
    ("moment", &["year", "month", "day", "time"], &["year", "month", "day", "time"]),
];

/// The phrases of a language.
#[derive(Debug)]
pub(crate) struct Words(BTreeMap<&'static str, Template>);

impl Words {
    /// Parses lines of `name: text`.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateFault> {
        let mut words = BTreeMap::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let fault = || TemplateFault::NoWord(line.to_owned());
            let (name, text) = line.split_once(':').ok_or_else(fault)?;
            let (name, places, needed) =
                WORDS.iter().find(|(known, ..)| *known == name.trim()).ok_or_else(fault)?;
            if words.insert(*name, Template::parse(text.trim(), places, needed)?).is_some() {
                return Err(fault());
            }
        }
        match WORDS.iter().find(|(name, ..)| !words.contains_key(name)) {
            Some((missing, ..)) => Err(TemplateFault::LacksWord(missing)),
            None => Ok(Self(words)),
        }
    }

    /// Greets by name, unless the name could be something else: see [`Name::is_greetable`].
    pub(crate) fn greeting(&self, name: Option<&Name>) -> String {
        match name.filter(|name| name.is_greetable()) {
            Some(name) => self.say("greeting-by-name", &[("name", name.as_str())]),
            None => self.say("greeting", &[]),
        }
    }

    /// Formats the remaining time in words. Rounds up by five minutes for the time of delivery.
    pub(crate) fn lifetime(&self, time: Duration) -> String {
        let minutes = time.as_secs().div_ceil(60);
        match minutes + 5 {
            0..120 => self.counted(minutes, "minute", "minutes"),
            minutes @ 120..2880 => self.counted(minutes / 60, "hour", "hours"),
            minutes => self.counted(minutes / (24 * 60), "day", "days"),
        }
    }

    /// Formats a time to the minute. It is in UTC, because the reader's time zone is unknown.
    pub(crate) fn moment(&self, moment: Timestamp) -> String {
        // `2026-11-21T03:00:00Z`
        let text = moment.to_string();
        let part = |range| text.get(range).unwrap_or_default();
        let values =
            [("year", part(0..4)), ("month", part(5..7)), ("day", part(8..10)), ("time", part(11..16))];
        self.say("moment", &values)
    }

    fn counted(&self, count: u64, one: &str, many: &str) -> String {
        self.say(if count == 1 { one } else { many }, &[("count", &count.to_string())])
    }

    fn say(&self, word: &str, values: &[(&str, &str)]) -> String {
        self.0.get(word).map(|template| template.fill(values)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn english() -> Words {
        Words::parse(include_str!("../mail/en/words.txt")).expect("words")
    }

    #[test]
    fn a_name_that_is_more_than_a_name_is_left_out() {
        for name in ["Zoë", "Jean-Luc", "O'Brien", "李小龍", "Anna Maria", "आदित्य", "علی\u{200c}رضا"]
        {
            assert_eq!(english().greeting(Name::parse(name).ok().as_ref()), format!("Hello {name},"));
        }
        for name in ["evil.com", "http://x", "<b>", "Call +49123", "{{link}}", "a@b"] {
            assert_eq!(english().greeting(Name::parse(name).ok().as_ref()), "Hello,");
        }
        assert_eq!(english().greeting(None), "Hello,");
    }

    #[test]
    fn a_lifetime_is_in_words_and_allows_for_the_time_of_delivery() {
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
            assert_eq!(english().lifetime(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn a_moment_is_formatted_to_the_minute() {
        assert_eq!(english().moment(Timestamp::from_millis(1_795_230_059_999)), "2026-11-21, 03:00 UTC");
    }

    #[test]
    fn words_that_are_missing_unknown_or_doubled_are_refused() {
        let english = include_str!("../mail/en/words.txt");
        let without = english.replace("day: {{count}} day\n", "");
        assert_eq!(Words::parse(&without).err(), Some(TemplateFault::LacksWord("day")));
        for line in ["dya: x", "greeting: Hi,", "no colon"] {
            let spoiled = format!("{english}{line}\n");
            assert_eq!(Words::parse(&spoiled).err(), Some(TemplateFault::NoWord(line.to_owned())));
        }
    }
}
