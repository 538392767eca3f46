//! Passwords that somebody who guesses tries first. It is always the whole password that is judged, never
//! a word within it: a good one may hold any word.

use std::{collections::BTreeSet, sync::LazyLock};

use zeroize::{Zeroize, Zeroizing};

use super::coded;
use crate::{CanonicalEmail, Name};

/// Passwords that many people choose: `common-passwords.md` says whose list it is.
const COMMON: &[u8] = include_bytes!("common-passwords.gcs");
/// A word this short is in too many good passwords to forbid it.
const MIN_WORD: usize = 4;
/// So many digits and signs around a password make it no better.
const TRIMMINGS: usize = 4;
/// What is repeated must be so long to count at all.
const MIN_REPEATED: usize = 8;
/// What is cut out of one of these is not in every list, but in every program that guesses.
const RUNS: [&str; 6] = [
    "abcdefghijklmnopqrstuvwxyz",
    "zyxwvutsrqponmlkjihgfedcba",
    "01234567890123456789",
    "98765432109876543210",
    "qwertyuiopasdfghjklzxcvbnm",
    "correcthorsebatterystaple",
];

/// The words that a password must not rest on: the service's and the person's own.
pub struct OwnWords(BTreeSet<String>);

impl OwnWords {
    /// Words of the service, and of the address of the person who chooses.
    #[must_use]
    pub fn new(service: &str, email: Option<&CanonicalEmail>) -> Self {
        let words = [service, email.map_or("", CanonicalEmail::as_str)];
        Self(words.into_iter().flat_map(words_of).collect())
    }

    /// These, and the words of the person's name.
    #[must_use]
    pub fn and_names<'a>(mut self, names: impl IntoIterator<Item = Option<&'a Name>>) -> Self {
        self.0.extend(names.into_iter().flatten().flat_map(|name| words_of(name.as_str())));
        self
    }
}

fn words_of(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).chain([text]).map(str::to_lowercase);
    words.filter(|word| word.chars().count() >= MIN_WORD)
}

pub(super) fn is_guessable(password: &str, own: &OwnWords, min_distinct: usize) -> bool {
    let lower = Zeroizing::new(password.to_lowercase());
    let is_repetitive = lower.chars().collect::<BTreeSet<_>>().len() < min_distinct;
    is_repetitive || is_own(&lower, own) || is_expected(&lower) || is_expected(&undisguised(&lower))
}

/// Whether little is left when the person's and the service's words are taken out.
fn is_own(lower: &str, own: &OwnWords) -> bool {
    let mut left = lower.to_owned();
    for word in &own.0 {
        let rest = left.replace(word.as_str(), "");
        left.zeroize();
        left = rest;
    }
    let is_own = left.chars().count() < MIN_WORD;
    left.zeroize();
    is_own
}

/// Whether it is what many choose, or two of these, or one of them again and again, with a few digits
/// and signs around.
fn is_expected(lower: &str) -> bool {
    let bare = lower.trim_matches(|c: char| !c.is_alphabetic());
    let is_trimmed = lower.chars().count() - bare.chars().count() <= TRIMMINGS;
    [Some(lower), is_trimmed.then_some(bare)].into_iter().flatten().any(|text| {
        let unit = unit(text);
        let is_trifle = unit.len() < text.len() && unit.chars().count() < MIN_REPEATED;
        is_trifle || is_common(unit) || is_two_common(unit)
    })
}

fn is_common(text: &str) -> bool {
    static PLACES: LazyLock<Vec<u64>> = LazyLock::new(|| coded::decode(COMMON));
    let is_listed = || PLACES.binary_search(&coded::place(text, PLACES.len())).is_ok();
    is_listed() || (text.chars().count() >= MIN_REPEATED && RUNS.iter().any(|run| run.contains(text)))
}

/// Two common ones, perhaps with a sign or a space in between.
fn is_two_common(text: &str) -> bool {
    let cuts = text.char_indices().map(|(at, _)| at).skip(MIN_WORD);
    cuts.map(|at| text.split_at(at)).any(|(first, second)| {
        let apart = second.strip_prefix(|c: char| !c.is_alphanumeric());
        let is_second = || is_common(second) || apart.is_some_and(is_common);
        second.chars().count() >= MIN_WORD && is_common(first) && is_second()
    })
}

/// The shortest piece that the text is a repetition of: itself, if it is none.
fn unit(text: &str) -> &str {
    let lengths =
        text.char_indices().map(|(at, _)| at).skip(1).filter(|length| text.len().is_multiple_of(*length));
    let mut units = lengths.map(|length| &text[..length]);
    units.find(|unit| text == unit.repeat(text.len() / unit.len())).unwrap_or(text)
}

/// With letters in the place of the digits and signs that are written for them.
fn undisguised(lower: &str) -> Zeroizing<String> {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        _ => c,
    };
    Zeroizing::new(lower.chars().map(letter).collect())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::Email;

    fn guessable(text: &str) -> bool {
        let email = Email::parse("ada.lovelace@example.com").expect("an address");
        let names = ["Augusta Ada", "Byron-King"].map(|name| Name::parse(name).expect("a name"));
        let own = OwnWords::new("Gatepost", Some(email.canonical()));
        is_guessable(text, &own.and_names(names.iter().map(Some)), 4)
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        for guess in [
            "PasswordPassword",
            "password12345678",
            "passw0rdpassw0rd",
            "P@$$w0rd-P@$$w0rd",
            "1q2w3e4r5t6y7u8i9o0p",
            "qwertyuiopasdfghjkl",
            "qwertyuiop1234567890",
            "letmeinletmein123",
            "iloveyouiloveyou!",
            "princess sunshine 7",
            "Manchester-United",
            "!!manchesterunited!!",
            "12345678901234567890",
            "abcdefghijklmnop",
            "987654321098765",
            "adminadminadmin",
            "abcabcabcabcabcabc",
            "aaaaaaaaaaaaaaaaaaaa",
            "1212121212121212",
        ] {
            assert!(guessable(guess), "{guess}");
        }
    }

    /// A million texts that nobody chooses, the same ones each time.
    #[test]
    fn one_in_some_65_000_others_is_taken_for_a_common_one() {
        let (mut state, mut taken) = (0x2545_f491_4f6c_dd1d_u64, 0_u32);
        let mut text = String::new();
        for _ in 0..1 << 20 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.clear();
            write!(text, "{state:016x}").expect("a string takes all");
            taken += u32::from(is_common(&text));
        }

        assert!((4..=40).contains(&taken), "{taken} of a million; 16 are to be expected");
        assert!(COMMON.len() < 43_000, "{}", COMMON.len());
    }

    #[test]
    fn own_words_and_little_else_are_refused() {
        for guess in [
            "ada.lovelace@example.com1",
            "GatepostGatepost12",
            "augusta-byron-king",
            "LovelaceByron123",
            "Byron-KingAugusta",
        ] {
            assert!(guessable(guess), "{guess}");
        }
    }

    #[test]
    fn a_good_password_may_hold_any_word() {
        for good in [
            "correct horse battery",
            "my password is a long one",
            "Gatepost opens at seven",
            "augusta climbs 4 hills",
            "kölner Dom, 157 m hoch",
            "monkey dragon football 84",
            "dJ7-qpe9-xx40-mmA1",
            "пароль длиннее обычного",
        ] {
            assert!(!guessable(good), "{good}");
        }
    }
}
