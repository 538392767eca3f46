//! Computing what others have computed.

use std::num::NonZeroU32;

use argon2::{Argon2, Params, Version};
use aws_lc_rs::{
    cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
    hmac,
    iv::FixedLength,
    pbkdf2,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{
    Kind, Scheme, crypt,
    digests::{self, Algorithm},
};
use crate::memory::Pool;

/// The work of some schemes grows with the password: nobody has one that is longer.
const MAX_PASSWORD_OCTETS: usize = 512;
/// bcrypt takes no more, and others cut what is longer.
const BCRYPT_OCTETS: usize = 72;

type Digest = Zeroizing<Vec<u8>>;

impl Scheme {
    /// What this scheme makes of a password; nothing, which equals no digest, if it cannot be.
    pub(crate) fn compute(&self, password: &[u8], pool: &Pool) -> Digest {
        if password.len() > MAX_PASSWORD_OCTETS {
            return Digest::default();
        }
        let salt = &self.salt[..];
        let digest = match (self.kind, &self.numbers[..]) {
            (Kind::Bcrypt, [cost]) => bcrypt(*cost, salt, password),
            (Kind::BcryptSha256, [cost]) => bcrypt(*cost, salt, hexadecimal_sha256(password).as_bytes()),
            (Kind::BcryptWordPress, [cost]) => bcrypt(*cost, salt, wordpress(password).as_bytes()),
            (Kind::Scrypt, [ln, r, p, length]) => scrypt((*ln, *r, *p), salt, password, *length),
            (Kind::FirebaseScrypt, [ln, r, length]) => {
                let key = scrypt((*ln, *r, 1), salt, password, 64);
                key.and_then(|key| key_stream(&Digest::new(key), *length))
            }
            (Kind::Pbkdf2(algorithm), [i, length]) => pbkdf2(algorithm, *i, salt, password, *length),
            (Kind::Argon2i | Kind::Argon2id, [v, m, t, p, length]) => {
                self.argon2(*v, (*m, *t, *p, *length), password, pool)
            }
            (Kind::Md5Crypt, _) => Some(crypt::md5crypt(password, salt)),
            (Kind::Sha256Crypt, [rounds]) => sha_crypt::Params::new(*rounds)
                .ok()
                .map(|rounds| sha_crypt::sha256_crypt(password, salt, rounds).to_vec()),
            (Kind::Sha512Crypt, [rounds]) => sha_crypt::Params::new(*rounds)
                .ok()
                .map(|rounds| sha_crypt::sha512_crypt(password, salt, rounds).to_vec()),
            (Kind::Phpass, [ln]) => Some(crypt::phpass(password, *ln, salt)),
            (Kind::Salted(algorithm, position), [times]) => {
                Some(digests::salted(algorithm, position, *times, salt, password))
            }
            (Kind::Hmac(algorithm), _) => digests::keyed(algorithm, salt, password),
            _ => None,
        };
        Digest::new(digest.unwrap_or_default())
    }

    fn argon2(
        &self,
        version: u32,
        (memory_kib, iterations, lanes, length): (u32, u32, u32, u32),
        password: &[u8],
        pool: &Pool,
    ) -> Option<Vec<u8>> {
        let algorithm =
            if self.kind == Kind::Argon2i { argon2::Algorithm::Argon2i } else { argon2::Algorithm::Argon2id };
        let version = if version == 16 { Version::V0x10 } else { Version::V0x13 };
        let params = Params::new(memory_kib, iterations, lanes, Some(length as usize)).ok()?;
        let mut memory = pool.lease(params.block_count());
        let mut digest = vec![0; length as usize];
        let argon2 = Argon2::new(algorithm, version, params);
        argon2.hash_password_into_with_memory(password, &self.salt, &mut digest, memory.blocks()).ok()?;
        Some(digest)
    }
}

/// Provos and Mazières; of 24 octets all implementations keep 23.
fn bcrypt(cost: u32, salt: &[u8], password: &[u8]) -> Option<Vec<u8>> {
    let mut key = Zeroizing::new([password, &[0]].concat());
    key.truncate(BCRYPT_OCTETS);
    Some(::bcrypt::bcrypt(cost, salt.try_into().ok()?, &key)[..23].to_vec())
}

fn hexadecimal_sha256(password: &[u8]) -> Zeroizing<String> {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let digest = Zeroizing::new(Algorithm::Sha256.digest(password));
    Zeroizing::new(digest.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 15)]).collect())
}

/// `wp_hash_password` of `WordPress` 6.8, which trims as PHP does.
fn wordpress(password: &[u8]) -> Zeroizing<String> {
    let is_kept = |octet: &u8| !b" \t\n\r\0\x0b".contains(octet);
    let begin = password.iter().position(is_kept).unwrap_or(password.len());
    let end = password.iter().rposition(is_kept).map_or(begin, |last| last + 1);
    let key = hmac::Key::new(hmac::HMAC_SHA384, b"wp-sha384");
    Zeroizing::new(STANDARD.encode(hmac::sign(&key, &password[begin..end])))
}

/// RFC 7914.
fn scrypt((ln, r, p): (u32, u32, u32), salt: &[u8], password: &[u8], length: u32) -> Option<Vec<u8>> {
    let params = scrypt::Params::new(u8::try_from(ln).ok()?, r, p).ok()?;
    let mut digest = vec![0; length as usize];
    scrypt::scrypt(password, salt, &params, &mut digest).ok()?;
    Some(digest)
}

/// AES-256 in counter mode from zero on; Firebase adds it to the project's key.
fn key_stream(key: &[u8], length: u32) -> Option<Vec<u8>> {
    let key = UnboundCipherKey::new(&AES_256, key.get(..32)?).ok()?;
    let mut stream = vec![0; length as usize];
    let zero = EncryptionContext::Iv128(FixedLength::from([0; 16]));
    EncryptingKey::ctr(key).ok()?.less_safe_encrypt(&mut stream, zero).ok()?;
    Some(stream)
}

/// RFC 8018.
fn pbkdf2(
    algorithm: Algorithm,
    iterations: u32,
    salt: &[u8],
    password: &[u8],
    length: u32,
) -> Option<Vec<u8>> {
    let algorithm = match algorithm {
        Algorithm::Md5 => return None,
        Algorithm::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
        Algorithm::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        Algorithm::Sha384 => pbkdf2::PBKDF2_HMAC_SHA384,
        Algorithm::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
    };
    let mut digest = vec![0; length as usize];
    pbkdf2::derive(algorithm, NonZeroU32::new(iterations)?, salt, password, &mut digest);
    Some(digest)
}
