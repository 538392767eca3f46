//! The PHC string, in the one spelling that Gatepost writes.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use crate::Parameters;

pub(crate) const SALT_OCTETS: usize = 16;
pub(crate) const TAG_OCTETS: usize = 32;

/// `$argon2id$v=19$m=…,t=…,p=1$salt$tag`
pub(crate) struct Phc {
    pub(crate) parameters: Parameters,
    pub(crate) salt: [u8; SALT_OCTETS],
    pub(crate) tag: [u8; TAG_OCTETS],
}

impl Phc {
    /// Reads a string that [`fmt::Display`] would write again, letter for letter.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (memory_kib, rest) = text.strip_prefix("$argon2id$v=19$m=")?.split_once(",t=")?;
        let (iterations, rest) = rest.split_once(",p=1$")?;
        let (salt, tag) = rest.split_once('$')?;
        let phc = Self {
            parameters: Parameters::bounded(memory_kib.parse().ok()?, iterations.parse().ok()?)?,
            salt: octets(salt)?,
            tag: octets(tag)?,
        };
        // No `+19456`, no `019456`.
        (phc.to_string() == text).then_some(phc)
    }
}

fn octets<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD_NO_PAD.decode(text).ok()?.try_into().ok()
}

impl fmt::Display for Phc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parameters { memory_kib, iterations } = self.parameters;
        let [salt, tag] = [self.salt.as_slice(), &self.tag].map(|part| STANDARD_NO_PAD.encode(part));
        write!(f, "$argon2id$v=19$m={memory_kib},t={iterations},p=1${salt}${tag}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SALT: &str = "AAECAwQFBgcICQoLDA0ODw";
    const TAG: &str = "OxBgWA3/lO6l9vdJuxHvB+wqUeduIn+0drCYdouOaZs";

    fn reads(text: &str) -> bool {
        Phc::parse(text).is_some()
    }

    #[test]
    fn anything_but_the_one_spelling_is_refused() {
        assert!(reads(&format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}${TAG}")));
        for wrong in [
            String::new(),
            "$".to_owned(),
            format!("argon2id$v=19$m=19456,t=2,p=1${SALT}${TAG}"),
            format!("$argon2i$v=19$m=19456,t=2,p=1${SALT}${TAG}"),
            format!("$argon2d$v=19$m=19456,t=2,p=1${SALT}${TAG}"),
            format!("$argon2id$v=16$m=19456,t=2,p=1${SALT}${TAG}"),
            format!("$argon2id$m=19456,t=2,p=1${SALT}${TAG}"),
            format!("$argon2id$v=19$m=19456,t=2,p=2${SALT}${TAG}"),
            format!("$argon2id$v=19$t=2,m=19456,p=1${SALT}${TAG}"),
            format!("$argon2id$v=19$m=019456,t=2,p=1${SALT}${TAG}"),
            format!("$argon2id$v=19$m=+19456,t=2,p=1${SALT}${TAG}"),
            format!("$argon2id$v=19$m=19456,t=2,p=1,data=AAAA${SALT}${TAG}"),
            format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}=${TAG}"),
            format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}${TAG}="),
            format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}${TAG}$"),
            format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}${TAG} "),
            format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}AA${TAG}"),
            format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}$AAAA{TAG}"),
            format!("$argon2id$v=19$m=19456,t=2,p=1$${TAG}"),
            format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}$"),
            format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}"),
        ] {
            assert!(!reads(&wrong), "{wrong}");
        }
    }

    #[test]
    fn a_hash_that_would_take_gigabytes_or_minutes_is_refused() {
        for (memory, times, expected) in [
            ("65536", "10", true),
            ("65537", "2", false),
            ("4194304", "2", false),
            ("4294967295", "2", false),
            ("99999999999999999999", "2", false),
            ("19456", "11", false),
            ("19456", "4294967295", false),
            ("19456", "0", false),
            ("7", "2", false),
            ("0", "2", false),
        ] {
            let text = format!("$argon2id$v=19$m={memory},t={times},p=1${SALT}${TAG}");
            assert_eq!(reads(&text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            memory_kib in 8_u32..=65_536,
            iterations in 1_u32..=10,
            salt: [u8; SALT_OCTETS],
            tag: [u8; TAG_OCTETS],
        ) {
            let parameters = Parameters { memory_kib, iterations };
            let text = Phc { parameters, salt, tag }.to_string();
            let read = Phc::parse(&text).expect("a PHC string");
            prop_assert_eq!((read.parameters, read.salt, read.tag), (parameters, salt, tag));
        }

        #[test]
        fn no_text_is_read_as_another_one(memory in "[0+]{0,1}[0-9]{1,5}", times in "[0+]{0,1}[1-9]") {
            let text = format!("$argon2id$v=19$m={memory},t={times},p=1${SALT}${TAG}");
            if let Some(phc) = Phc::parse(&text) {
                prop_assert_eq!(phc.to_string(), text);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            prop_assert!(Phc::parse(&text).is_none());
        }
    }
}
