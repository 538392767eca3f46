//! Hashes that others have made: verified until their users have logged in once.
//!
//! Whatever notation one comes in ([`notations`]), it is kept in one: `$kind$parameters$salt$digest`,
//! binary parts in base64 without padding, e.g. `$bcrypt$c=10$…$…` or `$md5crypt$…$…`.

mod crypt;
mod digests;
mod notations;
mod work;

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use thiserror::Error;

use self::digests::{Algorithm, Position};

/// MD5's; nobody's are shorter.
const MIN_DIGEST_OCTETS: usize = 16;
const MAX_DIGEST_OCTETS: usize = 64;
/// Keys of HMAC are kept as salts, too.
const MAX_SALT_OCTETS: usize = 256;

/// A hash that somebody else has made: how, and what came out.
#[derive(Clone, PartialEq, Eq)]
pub struct ForeignHash {
    pub(crate) scheme: Scheme,
    pub(crate) digest: Vec<u8>,
}

/// How to compute a hash: the function, its parameters in the order of [`KINDS`], the salt.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Scheme {
    kind: Kind,
    numbers: Vec<u32>,
    salt: Vec<u8>,
}

/// "The password hash …"
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum InvalidForeignHash {
    /// None of the notations that are known.
    #[error("is of no kind that is known")]
    UnknownKind,
    /// Known by its beginning, but not to its end.
    #[error("is not written as hashes of its kind are")]
    Malformed,
    /// It would take more memory or time than a log-in may.
    #[error("asks for more work, or has longer parts, than a log-in may take")]
    Immoderate,
}

/// The functions that others hash passwords with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bcrypt,
    /// Django's: over the SHA-256 of the password, in hexadecimal.
    BcryptSha256,
    /// That of `WordPress` since 6.8: over the HMAC-SHA-384 of the password, in base64.
    BcryptWordPress,
    Scrypt,
    /// Firebase's: what is compared is the key stream that it encrypts the project's key with.
    FirebaseScrypt,
    Pbkdf2(Algorithm),
    Argon2i,
    Argon2id,
    Md5Crypt,
    Sha256Crypt,
    Sha512Crypt,
    Phpass,
    Salted(Algorithm, Position),
    Hmac(Algorithm),
}

/// A parameter: its name, its least and its greatest value.
type Parameter = (&'static str, u32, u32);

/// The bounds of all: about a second on a core of 2026, whatever a file says; three with the longest password.
const COST: Parameter = ("c", 4, 14);
const LENGTH: Parameter = ("l", 16, 64);
const PBKDF2: &[Parameter] = &[("i", 1, 2_000_000), LENGTH];
const ARGON2: &[Parameter] = &[("v", 16, 19), ("m", 8, 131_072), ("t", 1, 10), ("p", 1, 16), LENGTH];
const ROUNDS: &[Parameter] = &[("rounds", 1_000, 1_000_000)];
const TIMES: &[Parameter] = &[("i", 1, 1_000_000)];
/// RFC 7914's memory is 128 · N · r octets: 128 MiB.
const MAX_SCRYPT_BLOCKS: u64 = 1 << 20;
const MAX_SCRYPT_WORK: u64 = 1 << 21;
/// KiB times passes: what our own hashes are bounded to.
const MAX_ARGON2_WORK: u64 = 655_360;

const KINDS: [(&str, Kind, &[Parameter]); 28] = [
    ("bcrypt", Kind::Bcrypt, &[COST]),
    ("bcrypt-sha256", Kind::BcryptSha256, &[COST]),
    ("bcrypt-wordpress", Kind::BcryptWordPress, &[COST]),
    ("scrypt", Kind::Scrypt, &[("ln", 1, 20), ("r", 1, 32), ("p", 1, 16), LENGTH]),
    ("firebase-scrypt", Kind::FirebaseScrypt, &[("ln", 1, 20), ("r", 1, 32), LENGTH]),
    ("pbkdf2-sha1", Kind::Pbkdf2(Algorithm::Sha1), PBKDF2),
    ("pbkdf2-sha256", Kind::Pbkdf2(Algorithm::Sha256), PBKDF2),
    ("pbkdf2-sha512", Kind::Pbkdf2(Algorithm::Sha512), PBKDF2),
    ("argon2i", Kind::Argon2i, ARGON2),
    ("argon2id", Kind::Argon2id, ARGON2),
    ("md5crypt", Kind::Md5Crypt, &[]),
    ("sha256crypt", Kind::Sha256Crypt, ROUNDS),
    ("sha512crypt", Kind::Sha512Crypt, ROUNDS),
    ("phpass", Kind::Phpass, &[("ln", 7, 20)]),
    ("md5-prefix", Kind::Salted(Algorithm::Md5, Position::Prefix), TIMES),
    ("md5-suffix", Kind::Salted(Algorithm::Md5, Position::Suffix), TIMES),
    ("sha1-prefix", Kind::Salted(Algorithm::Sha1, Position::Prefix), TIMES),
    ("sha1-suffix", Kind::Salted(Algorithm::Sha1, Position::Suffix), TIMES),
    ("sha256-prefix", Kind::Salted(Algorithm::Sha256, Position::Prefix), TIMES),
    ("sha256-suffix", Kind::Salted(Algorithm::Sha256, Position::Suffix), TIMES),
    ("sha384-prefix", Kind::Salted(Algorithm::Sha384, Position::Prefix), TIMES),
    ("sha384-suffix", Kind::Salted(Algorithm::Sha384, Position::Suffix), TIMES),
    ("sha512-prefix", Kind::Salted(Algorithm::Sha512, Position::Prefix), TIMES),
    ("sha512-suffix", Kind::Salted(Algorithm::Sha512, Position::Suffix), TIMES),
    ("hmac-sha1", Kind::Hmac(Algorithm::Sha1), &[]),
    ("hmac-sha256", Kind::Hmac(Algorithm::Sha256), &[]),
    ("hmac-sha384", Kind::Hmac(Algorithm::Sha384), &[]),
    ("hmac-sha512", Kind::Hmac(Algorithm::Sha512), &[]),
];

impl ForeignHash {
    /// Firebase's hash of a user, with the hash parameters of the project: all but `rounds` and
    /// `memory_cost` as octets. The project's key is not kept: its encryption is undone here, and what
    /// is left is the key stream, which tells as well whether a password is right.
    ///
    /// # Errors
    /// [`InvalidForeignHash`].
    pub fn firebase(
        (signer_key, salt_separator): (&[u8], &[u8]),
        (rounds, memory_cost): (u32, u32),
        salt: &[u8],
        hash: &[u8],
    ) -> Result<Self, InvalidForeignHash> {
        if signer_key.len() != hash.len() {
            return Err(InvalidForeignHash::Malformed);
        }
        let stream: Vec<u8> = signer_key.iter().zip(hash).map(|(key, hash)| key ^ hash).collect();
        let length = u32::try_from(stream.len()).unwrap_or(u32::MAX);
        let numbers = vec![memory_cost, rounds, length];
        Self::new("firebase-scrypt", numbers, [salt, salt_separator].concat(), stream)
    }

    fn new(
        kind: &str,
        numbers: Vec<u32>,
        salt: Vec<u8>,
        digest: Vec<u8>,
    ) -> Result<Self, InvalidForeignHash> {
        let scheme = Scheme::new(kind, numbers, salt)?;
        let right = match scheme.length() {
            Some(length) => digest.len() == length as usize,
            None => (MIN_DIGEST_OCTETS..=MAX_DIGEST_OCTETS).contains(&digest.len()),
        };
        if right { Ok(Self { scheme, digest }) } else { Err(InvalidForeignHash::Malformed) }
    }

    /// Whether it may rest in the table as it is.
    pub(crate) fn is_strong(&self) -> bool {
        self.scheme.is_strong()
    }

    /// Reads the one notation, as [`fmt::Display`] writes it.
    pub(crate) fn stored(text: &str) -> Result<Self, InvalidForeignHash> {
        let (scheme, digest) = text.rsplit_once('$').ok_or(InvalidForeignHash::Malformed)?;
        let scheme = Scheme::stored(scheme)?;
        Self::new(scheme.entry().0, scheme.numbers, scheme.salt, octets(digest)?)
    }
}

impl Scheme {
    fn new(kind: &str, numbers: Vec<u32>, salt: Vec<u8>) -> Result<Self, InvalidForeignHash> {
        let entry = KINDS.iter().find(|(name, ..)| *name == kind);
        let (_, kind, parameters) = entry.ok_or(InvalidForeignHash::UnknownKind)?;
        if parameters.len() != numbers.len() {
            return Err(InvalidForeignHash::Malformed);
        }
        let within = |((_, least, most), number): (&Parameter, &u32)| (least..=most).contains(&number);
        let scheme = Self { kind: *kind, numbers, salt };
        let moderate = parameters.iter().zip(&scheme.numbers).all(within)
            && scheme.salt.len() <= MAX_SALT_OCTETS
            && scheme.is_moderate();
        if moderate { Ok(scheme) } else { Err(InvalidForeignHash::Immoderate) }
    }

    /// Reads `$kind$parameters$salt`.
    pub(crate) fn stored(text: &str) -> Result<Self, InvalidForeignHash> {
        let parts: Vec<&str> = text.strip_prefix('$').unwrap_or_default().split('$').collect();
        let (kind, numbers, salt) = match parts[..] {
            [kind, parameters, salt] => (kind, numbers(kind, parameters)?, salt),
            [kind, salt] => (kind, Vec::new(), salt),
            _ => return Err(InvalidForeignHash::Malformed),
        };
        Self::new(kind, numbers, octets(salt)?)
    }

    /// Whether what the bounds of each parameter allow is also bounded together.
    fn is_moderate(&self) -> bool {
        let numbers: Vec<u64> = self.numbers.iter().map(|number| u64::from(*number)).collect();
        match (self.kind, &numbers[..]) {
            (Kind::Scrypt, [ln, r, p, _]) => {
                (r << ln) <= MAX_SCRYPT_BLOCKS && (r << ln) * p <= MAX_SCRYPT_WORK
            }
            (Kind::FirebaseScrypt, [ln, r, _]) => (r << ln) <= MAX_SCRYPT_BLOCKS,
            (Kind::Argon2i | Kind::Argon2id, [v, m, t, p, _]) => {
                [16, 19].contains(v) && *m >= 8 * p && m * t <= MAX_ARGON2_WORK && self.salt.len() >= 8
            }
            (Kind::Bcrypt | Kind::BcryptSha256 | Kind::BcryptWordPress, _) => self.salt.len() == 16,
            _ => true,
        }
    }

    /// OWASP's Password Storage Cheat Sheet: what is weaker, or has no work factor, must not rest in
    /// the table as it is.
    fn is_strong(&self) -> bool {
        match (self.kind, &self.numbers[..]) {
            (Kind::Bcrypt | Kind::BcryptSha256 | Kind::BcryptWordPress, [cost]) => *cost >= 10,
            (Kind::Scrypt, [ln, r, p, _]) => {
                *r >= 8
                    && [(17, 1), (16, 2), (15, 3), (14, 5), (13, 10)]
                        .iter()
                        .any(|(least, times)| ln >= least && p >= times)
            }
            (Kind::Pbkdf2(Algorithm::Sha1), [i, _]) => *i >= 1_300_000,
            (Kind::Pbkdf2(Algorithm::Sha256), [i, _]) => *i >= 600_000,
            (Kind::Pbkdf2(_), [i, _]) => *i >= 210_000,
            (Kind::Argon2id, [_, m, t, ..]) => {
                crate::Parameters::new(*m, *t).is_ok() || *m > 65_536 && *t >= 2
            }
            _ => false,
        }
    }

    /// How long the digest is, where that is a parameter.
    fn length(&self) -> Option<u32> {
        let (.., parameters) = self.entry();
        let at = parameters.iter().position(|(name, ..)| *name == LENGTH.0)?;
        self.numbers.get(at).copied()
    }

    fn entry(&self) -> &'static (&'static str, Kind, &'static [Parameter]) {
        KINDS.iter().find(|(_, kind, _)| *kind == self.kind).unwrap_or(&KINDS[0])
    }
}

/// The values of `a=1,b=2`, in the order of the kind's parameters.
fn numbers(kind: &str, text: &str) -> Result<Vec<u32>, InvalidForeignHash> {
    let entry = KINDS.iter().find(|(name, ..)| *name == kind);
    let (.., parameters) = entry.ok_or(InvalidForeignHash::UnknownKind)?;
    let mut values = text.split(',');
    let mut value = |(name, ..): &Parameter| {
        let (found, value) = values.next()?.split_once('=')?;
        (found == *name && value.bytes().all(|b| b.is_ascii_digit())).then_some(value)
    };
    let read = |value: Option<&str>| {
        // More digits than a number has are too many in any case.
        value.ok_or(InvalidForeignHash::Malformed)?.parse().map_err(|_| InvalidForeignHash::Immoderate)
    };
    let numbers = parameters.iter().map(|parameter| read(value(parameter))).collect::<Result<_, _>>()?;
    if values.next().is_some() { Err(InvalidForeignHash::Malformed) } else { Ok(numbers) }
}

fn octets(text: &str) -> Result<Vec<u8>, InvalidForeignHash> {
    STANDARD_NO_PAD.decode(text).map_err(|_| InvalidForeignHash::Malformed)
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _, parameters) = self.entry();
        write!(f, "${name}")?;
        for (position, ((name, ..), number)) in parameters.iter().zip(&self.numbers).enumerate() {
            write!(f, "{}{name}={number}", if position == 0 { '$' } else { ',' })?;
        }
        write!(f, "${}", STANDARD_NO_PAD.encode(&self.salt))
    }
}

impl fmt::Display for ForeignHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}${}", self.scheme, STANDARD_NO_PAD.encode(&self.digest))
    }
}
