//! Link tokens, which prove an address or permit an action once.

use aws_lc_rs::digest::{SHA256, digest};
use domain::{LinkHash, Purpose, Secret};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{InvalidToken, base64url, from_base64url};

const PREFIX: &str = "gpl_";
const RANDOM: usize = 32;
const OCTETS: usize = 16 + 1 + RANDOM;
const CHARACTERS: usize = (OCTETS * 4).div_ceil(3);

/// A token of `gpl_` and the base64url of subject, purpose and 256 random bits.
pub struct LinkToken {
    subject: Uuid,
    text: Secret,
}

impl LinkToken {
    /// Creates the link of `subject` for `purpose` from random bytes.
    #[must_use]
    pub fn new(subject: Uuid, purpose: Purpose, random: [u8; RANDOM]) -> Self {
        let random = Zeroizing::new(random);
        let octets = Zeroizing::new([subject.as_bytes(), [code(purpose)].as_slice(), &*random].concat());
        let encoded = Zeroizing::new(base64url(&*octets));
        Self { subject, text: Secret::from(format!("{PREFIX}{}", *encoded)) }
    }

    /// Parses a token for the purpose `expected`. Only the stored hash can tell whether it was ever sent.
    ///
    /// # Errors
    /// [`InvalidToken`] if the text is not a link token, or has another purpose.
    pub fn parse(text: &str, expected: Purpose) -> Result<Self, InvalidToken> {
        let subject = subject(text, expected).ok_or(InvalidToken)?;
        Ok(Self { subject, text: Secret::from(text.to_owned()) })
    }

    /// Returns the subject of the link.
    #[must_use]
    pub const fn subject(&self) -> Uuid {
        self.subject
    }

    /// Returns the hash to store, which is the SHA-256 of the text.
    #[must_use]
    pub fn hash(&self) -> LinkHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, self.text.expose().as_bytes()).as_ref());
        LinkHash::from_bytes(hash)
    }

    /// Returns the token, which belongs only into the mail.
    #[must_use]
    pub fn secret(&self) -> Secret {
        self.text.clone()
    }
}

/// Returns the number of a purpose, which never changes.
const fn code(purpose: Purpose) -> u8 {
    match purpose {
        Purpose::VerifyRegistration => 1,
        Purpose::ResetPassword => 2,
        Purpose::VerifyEmailChange => 3,
        Purpose::AcceptInvitation => 4,
    }
}

fn subject(text: &str, expected: Purpose) -> Option<Uuid> {
    let encoded = text.strip_prefix(PREFIX)?;
    if encoded.len() != CHARACTERS {
        return None;
    }
    let octets = Zeroizing::new(from_base64url(encoded)?);
    let (subject, rest) = octets.split_first_chunk()?;
    (rest.first() == Some(&code(expected))).then(|| Uuid::from_bytes(*subject))
}
