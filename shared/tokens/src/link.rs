//! Link tokens: what a mail carries to prove its address once.

use aws_lc_rs::digest::{SHA256, digest};
use domain::{LinkHash, Purpose, Secret};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{InvalidToken, base64url, from_base64url};

const PREFIX: &str = "gpl_";
const RANDOM: usize = 32;
const OCTETS: usize = 16 + 1 + RANDOM;
const CHARACTERS: usize = (OCTETS * 4).div_ceil(3);

/// `gpl_` and base64url of subject, purpose and 256 random bits.
pub struct LinkToken {
    subject: Uuid,
    text: Secret,
}

impl LinkToken {
    /// The link of `subject` for `purpose`; its randomness comes in as a value.
    #[must_use]
    pub fn new(subject: Uuid, purpose: Purpose, random: [u8; RANDOM]) -> Self {
        let random = Zeroizing::new(random);
        let octets = Zeroizing::new([subject.as_bytes(), [code(purpose)].as_slice(), &*random].concat());
        let encoded = Zeroizing::new(base64url(&*octets));
        Self { subject, text: Secret::from(format!("{PREFIX}{}", *encoded)) }
    }

    /// Takes a token that serves `expected`. Whether it was ever sent, only its hash can tell.
    ///
    /// # Errors
    /// [`InvalidToken`] if it is no link token, or serves something else.
    pub fn parse(text: &str, expected: Purpose) -> Result<Self, InvalidToken> {
        let subject = subject(text, expected).ok_or(InvalidToken)?;
        Ok(Self { subject, text: Secret::from(text.to_owned()) })
    }

    /// Whose link it is.
    #[must_use]
    pub const fn subject(&self) -> Uuid {
        self.subject
    }

    /// What is stored of it: SHA-256 of its text.
    #[must_use]
    pub fn hash(&self) -> LinkHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, self.text.expose().as_bytes()).as_ref());
        LinkHash::from_bytes(hash)
    }

    /// The token itself: for the mail, and nothing else.
    #[must_use]
    pub fn secret(&self) -> Secret {
        self.text.clone()
    }
}

/// Each purpose its own number, for ever.
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
