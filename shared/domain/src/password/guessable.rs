//! Guessable passwords: common, repetitive, or made of the user's own words. The password is judged as a
//! whole, because a good password may contain any word.
//!
//! The work grows linearly with the length. Tests count each step of the inner loops.

use std::{collections::BTreeSet, sync::LazyLock};

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::coded;
use crate::{Email, Name};

/// Passwords that many people choose. Their source is in `common-passwords.md`.
const COMMON: &[u8] = include_bytes!("common-passwords.gcs");
/// Shorter words occur in too many good passwords to count as one of two common ones.
const MIN_WORD: usize = 4;
/// Shorter parts of names and addresses, such as `de` or `co`, occur in good passwords by chance.
const MIN_PART: usize = 3;
/// A password with this many letters and digits beside the user's own words is acceptable.
const MIN_OTHERS: usize = 8;
/// Longer texts are not checked as one of two common passwords.
const MAX_COMMON_BYTES: usize = 64;
/// Up to this many digits and signs around a password do not improve it.
const TRIMMINGS: usize = 4;
/// The minimal length of a repeated text or a part of a run.
const MIN_REPEATED: usize = 8;
/// Programs that guess passwords try parts of these runs.
const RUNS: [&str; 6] = [
    "abcdefghijklmnopqrstuvwxyz",
    "zyxwvutsrqponmlkjihgfedcba",
    "01234567890123456789",
    "98765432109876543210",
    "qwertyuiopasdfghjklzxcvbnm",
    "correcthorsebatterystaple",
];

/// The words that a password must not be based on: those of the service, the user's address and names.
#[derive(Default)]
pub struct OwnWords {
    /// In lower case, without signs.
    words: BTreeSet<String>,
    /// Names and local parts without letters and digits.
    signs: Vec<String>,
}

impl OwnWords {
    /// Collects the words of the service and of the address.
    #[must_use]
    pub fn new(service: &str, email: Option<&Email>) -> Self {
        let mut own = Self::default();
        own.add_parts(service);
        for address in email.into_iter().flat_map(|email| [email.address(), email.canonical().as_str()]) {
            let (local, domain) = address.split_once('@').unwrap_or((address, ""));
            own.add(address);
            own.add(local);
            own.add_parts(local);
            own.add_parts(domain);
        }
        own
    }

    /// Adds the user's names.
    #[must_use]
    pub fn and_names<'a>(mut self, names: impl IntoIterator<Item = Option<&'a Name>>) -> Self {
        for name in names.into_iter().flatten() {
            self.add(name.as_str());
            self.add_parts(name.as_str());
        }
        self
    }

    /// Adds a whole text of any length.
    fn add(&mut self, text: &str) {
        let word = letters_and_digits(text);
        if word.is_empty() {
            self.signs.push(text.nfc().collect());
        } else {
            self.words.insert(undisguised(&word).to_string());
            self.words.insert(word.to_string());
        }
    }

    /// Adds a text, and those of its parts that are long enough.
    fn add_parts(&mut self, text: &str) {
        let parts = text.split(|c: char| !c.is_alphanumeric()).chain([text]);
        for part in parts.filter(|part| part.chars().filter(|c| c.is_alphanumeric()).count() >= MIN_PART) {
            self.add(part);
        }
    }
}

/// Returns the lower-case letters and the digits of a text. Each character is mapped separately, so a part of
/// a text becomes a part of the result.
fn letters_and_digits(text: &str) -> Zeroizing<String> {
    let lower = text.nfc().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c });
    Zeroizing::new(lower.filter(|c| c.is_alphanumeric()).collect())
}

pub(super) fn is_guessable(password: &str, own: &OwnWords, min_distinct: usize) -> bool {
    let lower = Zeroizing::new(password.to_lowercase());
    let plain = undisguised(&lower);
    steps::count(lower.len());
    let is_repetitive = lower.chars().collect::<BTreeSet<_>>().len() < min_distinct;
    is_repetitive
        || is_own(password, own)
        || is_own(&plain, own)
        || is_expected(&lower)
        || is_expected(&plain)
}

/// Returns whether the password contains own words, and few other letters and digits. A character shared by
/// two words belongs to both, so their order does not matter.
fn is_own(password: &str, own: &OwnWords) -> bool {
    let text = letters_and_digits(password);
    let mut is_covered = vec![false; text.len()];
    let mut is_found = own.signs.iter().any(|signs| password.contains(signs));
    for word in &own.words {
        steps::count(text.len());
        for (at, _) in text.match_indices(word.as_str()) {
            is_covered[at..at + word.len()].fill(true);
            is_found = true;
        }
    }
    let others = text.char_indices().filter(|(at, _)| !is_covered[*at]);
    is_found && others.count() < MIN_OTHERS
}

/// Returns whether the text is a common password, two of them, or a repetition, surrounded by a few digits
/// and signs.
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
    steps::count(text.len());
    is_listed(coded::Hash::of(text)) || is_part_of_run(text)
}

fn is_listed(hash: coded::Hash) -> bool {
    static PLACES: LazyLock<Vec<u64>> = LazyLock::new(|| coded::decode(COMMON));
    PLACES.binary_search(&hash.place(PLACES.len())).is_ok()
}

fn is_part_of_run(text: &str) -> bool {
    text.chars().count() >= MIN_REPEATED && RUNS.iter().any(|run| run.contains(text))
}

/// Returns whether the text is two common passwords, perhaps with a sign or a space in between.
fn is_two_common(text: &str) -> bool {
    if text.len() > 2 * MAX_COMMON_BYTES {
        return false;
    }
    // The hash of each prefix continues that of the previous one.
    let mut hash = coded::Hash::START;
    text.char_indices().enumerate().any(|(count, (at, character))| {
        let (first, second) = text.split_at(at);
        let is_first = || is_listed(hash) || is_part_of_run(first);
        let is_two = count >= MIN_WORD && is_first() && is_common_second(second);
        steps::count(character.len_utf8());
        hash = hash.then(&second[..character.len_utf8()]);
        is_two
    })
}

fn is_common_second(text: &str) -> bool {
    let apart = text.strip_prefix(|c: char| !c.is_alphanumeric());
    text.chars().count() >= MIN_WORD && (is_common(text) || apart.is_some_and(is_common))
}

/// Returns the shortest text of which the text is a repetition, or the text itself.
fn unit(text: &str) -> &str {
    let bytes = text.as_bytes();
    // For each prefix, the length of its longest proper prefix that is also a suffix.
    let mut borders = vec![0; bytes.len()];
    let mut border = 0;
    for at in 1..bytes.len() {
        while border > 0 && bytes[at] != bytes[border] {
            steps::count(1);
            border = borders[border - 1];
        }
        border += usize::from(bytes[at] == bytes[border]);
        borders[at] = border;
        steps::count(1);
    }
    let length = bytes.len() - border;
    // A repeated piece begins and ends at the boundary of a character.
    if length > 0 && bytes.len().is_multiple_of(length) { &text[..length] } else { text }
}

/// Returns the text with digits and signs replaced by the letters that they stand for.
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

/// Counts the steps of the inner loops in tests.
mod steps {
    #[cfg(test)]
    thread_local! {
        static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }

    #[cfg(test)]
    pub(super) fn count(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    #[cfg(not(test))]
    pub(super) const fn count(_: usize) {}

    #[cfg(test)]
    pub(super) fn take() -> usize {
        STEPS.take()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::{
        prelude::*,
        test_runner::{Config, RngSeed},
    };

    use super::*;
    use crate::{InvalidPassword, Password, PasswordPolicy, Secret};

    fn guessable(text: &str) -> bool {
        let email = Email::parse("ada.lovelace@example.com").expect("an address");
        let names = ["Augusta Ada", "Byron-King"].map(|name| Name::parse(name).expect("a name"));
        let own = OwnWords::new("Gatepost", Some(&email));
        is_guessable(text, &own.and_names(names.iter().map(Some)), 4)
    }

    #[test]
    fn passwords_that_are_tried_first_are_refused() {
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

    /// Checks a million texts that are not chosen by people, the same ones in each run.
    #[test]
    fn one_in_about_65_000_texts_is_a_false_positive() {
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
    fn a_good_password_may_contain_any_word() {
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

    /// A user and the service, to which a password may refer.
    #[derive(Clone, Debug)]
    struct Person {
        email: Email,
        names: [Name; 2],
    }

    impl Person {
        fn own_words(&self) -> OwnWords {
            OwnWords::new("Gatepost", Some(&self.email)).and_names(self.names.iter().map(Some))
        }

        /// Returns the address, its local part and the names.
        fn texts(&self) -> [&str; 4] {
            let address = self.email.address();
            let local = address.split('@').next().expect("a local part");
            [address, local, self.names[0].as_str(), self.names[1].as_str()]
        }

        fn refuses(&self, password: &str) -> bool {
            let secret = Secret::from(password.to_owned());
            let chosen = Password::choose(&secret, &PasswordPolicy::DEFAULT);
            let password = chosen.expect("a password of the right length");
            let judged = PasswordPolicy::DEFAULT.judge(&password, &self.own_words());
            judged == Err(InvalidPassword::Blocklisted)
        }
    }

    fn person(name: &'static str) -> impl Strategy<Value = Person> {
        let local = "[A-Za-z0-9._+!-]{1,20}"
            .prop_filter("a local part", |local| Email::parse(&format!("{local}@example.com")).is_ok());
        let domain = prop::sample::select(vec!["gmail.com", "bücher.example", "a.co", "MARIA.example"]);
        let address = (local, domain).prop_map(|(local, domain)| format!("{local}@{domain}"));
        let email = address.prop_map(|address| Email::parse(&address).expect("an address"));
        let name = name.prop_filter_map("a name", |name| Name::parse(&name).ok());
        (email, [name.clone(), name]).prop_map(|(email, names)| Person { email, names })
    }

    /// Returns fewer than eight letters or digits between any signs.
    fn little() -> impl Strategy<Value = Vec<String>> {
        let signs = "[ !-/:-@{-~…🦀]{0,20}";
        (prop::collection::vec(("[a-zA-Z0-9ßΣÄ]", signs), 0..8), signs).prop_map(|(pieces, last)| {
            pieces.into_iter().flat_map(|(one, signs)| [signs, one]).chain([last]).collect()
        })
    }

    fn padded(text: &str) -> String {
        let missing = 15_usize.saturating_sub(text.nfc().count());
        text.chars().chain("-!?*+#~=(){}[]/".chars().take(missing)).collect()
    }

    proptest! {
        #![proptest_config(Config { cases: 2_000, ..Config::default() })]

        /// Tries any own word at any place in either case.
        #[test]
        fn an_own_word_and_fewer_than_eight_other_letters_or_digits_are_refused(
            person in person("[\\PC]{1,12}|[A-Za-zäßΣéÖ' -]{1,20}"),
            which in 0..4_usize,
            at: prop::sample::Index,
            pieces in little(),
            upper: bool,
        ) {
            let word = person.texts()[which].to_owned();
            let word = if upper { word.to_ascii_uppercase() } else { word };
            let (before, after) = pieces.split_at(at.index(pieces.len() + 1));
            let password = padded(&[before.concat(), word, after.concat()].concat());
            // A combining mark beside the word could combine with its last letter.
            prop_assume!(password.nfc().eq(password.chars()) && password.chars().count() <= 256);
            prop_assume!(!password.chars().any(char::is_control));

            prop_assert!(person.refuses(&password), "{password}");
        }
    }

    proptest! {
        // One in about 65,000 texts is a false positive, so the same passwords are tried in each run.
        #![proptest_config(Config { cases: 2_000, rng_seed: RngSeed::Fixed(1), ..Config::default() })]

        #[test]
        fn a_strong_password_may_contain_any_text(
            person in person("[A-Z][a-z]{2,11}"),
            which in 0..4_usize,
            strong in "[a-z0-9]{4}-[A-Z0-9]{6}-[a-z0-9]{8}",
        ) {
            let others = strong.chars().filter(char::is_ascii_alphanumeric);
            prop_assume!(others.map(|c| c.to_ascii_lowercase()).collect::<BTreeSet<_>>().len() >= 8);
            prop_assume!(person.texts()[1].len() >= MIN_PART);

            prop_assert!(!person.refuses(&strong), "{strong}");
            let with_word = format!("{} {strong}", person.texts()[which]);
            prop_assert!(!person.refuses(&with_word), "{with_word}");
        }

        #[test]
        fn the_work_is_linear_in_the_password(
            seed in "[a-z0-9]{1,12}|(password|qwerty|1){1,3}|abcdefgh|🦀|monkey[0-9]{0,2}",
            length in 15..256_usize,
            person in person("[A-Z][a-z]{2,11}"),
        ) {
            let password: String = seed.chars().cycle().take(length).collect();
            let own = person.own_words();
            steps::take();

            is_guessable(&password, &own, 4);

            let steps = steps::take();
            let most = password.len() * (2 * own.words.len() + 40);
            prop_assert!(steps <= most, "{steps} steps for {} bytes of {password}", password.len());
        }
    }

    #[test]
    fn a_short_word_of_an_address_does_not_hide_a_longer_one() {
        let person = Person {
            email: Email::parse("maria1975@gmail.com").expect("an address"),
            names: ["Maria", "Com"].map(|name| Name::parse(name).expect("a name")),
        };
        for guess in
            ["maria1975@gmail.com", "MARIA-1975 gmail!com", "m4r1a1975@gmail.com", "....maria....abcdefg"]
        {
            assert!(person.refuses(guess), "{guess}");
        }
    }
}
