//! Keyed hashes of addresses and sources in the log. Readers of the log can tell whether two lines concern
//! the same address, and an operator can compute the hash of a known address. Without the key, no hash leads
//! back to an address or a source.

use std::{fmt::Write as _, net::IpAddr};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use domain::CanonicalEmail;

use crate::derive::derive;

/// 128 bits are enough to distinguish addresses.
const HASH_BYTES: usize = 16;

/// The key of the hashes, derived from a pepper's seed.
#[derive(Clone)]
pub struct LogKey(hmac::Key);

/// A hash in a log line: 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHash(String);

impl LogKey {
    /// Derives the key from a pepper's seed.
    #[must_use]
    pub fn derive(pepper: &[u8]) -> Self {
        let key = derive::<32>(pepper, &[b"gatepost/1/log-hash"]);
        Self(hmac::Key::new(HMAC_SHA256, key.as_slice()))
    }

    /// Hashes an e-mail address.
    #[must_use]
    pub fn of_address(&self, email: &CanonicalEmail) -> LogHash {
        self.hash(b"address", email.as_str().as_bytes())
    }

    /// Hashes the source of a request: an IPv4 address, or a /64 network of IPv6, which belongs to one
    /// subscriber.
    #[must_use]
    pub fn of_source(&self, ip: IpAddr) -> LogHash {
        match ip.to_canonical() {
            IpAddr::V4(ip) => self.hash(b"source", &ip.octets()),
            IpAddr::V6(ip) => self.hash(b"source", &ip.octets()[..8]),
        }
    }

    fn hash(&self, kind: &[u8], of: &[u8]) -> LogHash {
        let mut mac = hmac::Context::with_key(&self.0);
        mac.update(kind);
        // No kind contains a zero byte, so it separates the kind from the value.
        mac.update(&[0]);
        mac.update(of);
        let mut digits = String::with_capacity(2 * HASH_BYTES);
        for byte in mac.sign().as_ref().iter().take(HASH_BYTES) {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        LogHash(digits)
    }
}

impl From<LogHash> for String {
    fn from(hash: LogHash) -> Self {
        hash.0
    }
}

#[cfg(test)]
mod tests {
    use domain::Email;

    use super::*;

    fn key(seed: &str) -> LogKey {
        LogKey::derive(seed.as_bytes())
    }

    fn of_source(ip: &str) -> String {
        key("a").of_source(ip.parse().expect("an IP address")).into()
    }

    fn of_address(key: &LogKey, email: &str) -> String {
        key.of_address(Email::parse(email).expect("an address").canonical()).into()
    }

    #[test]
    fn an_address_has_one_hash_per_key_in_any_spelling() {
        let hash = of_address(&key("a"), "ada@example.com");
        assert_eq!(hash, of_address(&key("a"), "Ada@EXAMPLE.com"));
        assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
        assert_ne!(hash, of_address(&key("a"), "eve@example.com"));
        assert_ne!(hash, of_address(&key("b"), "ada@example.com"));
    }

    #[test]
    fn a_source_is_an_ipv4_address_or_a_network_of_ipv6() {
        assert_eq!(of_source("192.0.2.1"), of_source("::ffff:192.0.2.1"));
        assert_ne!(of_source("192.0.2.1"), of_source("192.0.2.2"));
        assert_eq!(of_source("2001:db8:0:1::1"), of_source("2001:db8:0:1:ffff::2"));
        assert_ne!(of_source("2001:db8:0:1::1"), of_source("2001:db8:0:2::1"));
    }
}
