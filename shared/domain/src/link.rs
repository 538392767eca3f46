//! One-time links: what is stored of them.

/// What a link proves or permits; part of its token, so that one never serves for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Proves the address of a registration.
    VerifyRegistration,
}

/// SHA-256 of a link token. The token itself is only ever in the mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkHash([u8; 32]);

impl LinkHash {
    /// The hash with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes. Comparing them in variable time tells an attacker nothing: they are a hash of
    /// 256 random bits.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
