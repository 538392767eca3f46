//! E-mail addresses, and the canonical form by which they are compared.

use std::fmt;

use serde::Serialize;
use thiserror::Error;

/// RFC 5321, section 4.5.3.1.3, less the angle brackets.
const MAX_ADDRESS_OCTETS: usize = 254;
/// RFC 5321, section 4.5.3.1.1.
const MAX_LOCAL_OCTETS: usize = 64;

/// An address as its owner wrote it: what mail is sent to and what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    address: String,
    canonical: CanonicalEmail,
}

/// The canonical form of an address, which is equal for all of its spellings: the local part in ASCII lower
/// case, and the domain as A-labels. Unicode case, dots and `+tags` are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalEmail(String);

/// Completes the sentence "`/email` …".
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be an e-mail address such as name@example.com")]
pub struct InvalidEmail;

impl Email {
    /// Parses an address after trimming white space: one `@`, at most 254 bytes, an ASCII local part of at
    /// most 64 bytes, and a domain with a dot that UTS 46 accepts. Quoted local parts and IP literals are
    /// refused.
    ///
    /// # Errors
    /// [`InvalidEmail`] if the address has another form.
    pub fn parse(address: &str) -> Result<Self, InvalidEmail> {
        let address = address.trim();
        let (local, domain) = address.split_once('@').ok_or(InvalidEmail)?;
        let canonical = format!("{}@{}", canonical_local(local)?, canonical_domain(domain)?);
        if address.len() > MAX_ADDRESS_OCTETS || canonical.len() > MAX_ADDRESS_OCTETS {
            return Err(InvalidEmail);
        }
        Ok(Self { address: address.to_owned(), canonical: CanonicalEmail(canonical) })
    }

    /// Returns the address as it was written.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the canonical form, by which addresses are compared.
    #[must_use]
    pub const fn canonical(&self) -> &CanonicalEmail {
        &self.canonical
    }
}

/// `dot-atom` of RFC 5322, section 3.2.3, lowercased.
fn canonical_local(local: &str) -> Result<String, InvalidEmail> {
    let atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    let dot_atom = local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(atext));
    if !dot_atom || local.len() > MAX_LOCAL_OCTETS {
        return Err(InvalidEmail);
    }
    Ok(local.to_ascii_lowercase())
}

fn canonical_domain(domain: &str) -> Result<String, InvalidEmail> {
    // STRICT permits letters, digits and hyphens only: no second `@`, no space, no IP literal.
    let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidEmail)?;
    let top = ascii.rsplit('.').next().unwrap_or_default();
    let is_name = ascii.contains('.') && !top.bytes().all(|b| b.is_ascii_digit());
    if is_name { Ok(ascii) } else { Err(InvalidEmail) }
}

impl CanonicalEmail {
    /// Returns the canonical form as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Email {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.address)
    }
}

impl fmt::Display for CanonicalEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(address: &str) -> Option<String> {
        Email::parse(address).ok().map(|email| email.canonical().to_string())
    }

    #[test]
    fn spellings_of_one_address_have_one_canonical_form() {
        for same in ["Ada@Example.COM", "ada@example.com", "ADA@EXAMPLE.com"] {
            assert_eq!(canonical(same).as_deref(), Some("ada@example.com"));
        }
        assert_eq!(canonical("ada@bücher.example").as_deref(), Some("ada@xn--bcher-kva.example"));
        assert_eq!(canonical("ada@BÜCHER.example"), canonical("ada@xn--bcher-kva.example"));
    }

    #[test]
    fn dots_and_tags_make_another_address() {
        assert_ne!(canonical("a.da@example.com"), canonical("ada@example.com"));
        assert_ne!(canonical("ada+x@example.com"), canonical("ada@example.com"));
    }

    #[test]
    fn the_written_form_is_kept() {
        let email = Email::parse("Ada@Example.com").expect("an address");
        assert_eq!(email.address(), "Ada@Example.com");
    }

    #[test]
    fn white_space_around_an_address_is_trimmed() {
        for written in [" Ada@Example.com", "Ada@Example.com\r\n", "\t Ada@Example.com\u{a0}"] {
            assert_eq!(
                Email::parse(written).expect("an address").address(),
                "Ada@Example.com",
                "{written:?}"
            );
        }
    }

    #[test]
    fn an_invalid_address_is_refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}.com", "b.".repeat(130));
        let refused = [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@@example.com",
            "a@b@example.com",
            "ada@localhost",
            "ada@127.0.0.1",
            "ada@[127.0.0.1]",
            "\"ada\"@example.com",
            "a da@example.com",
            "ada @example.com",
            "ada@ example.com",
            "ada@example.com bob@example.com",
            " ",
            "ada@exa mple.com",
            ".ada@example.com",
            "ada.@example.com",
            "a..da@example.com",
            "adä@example.com",
            "ada@example..com",
            "ada@-example.com",
            "ada@example.com\r\nBcc: x@example.com",
            "ada@example.com\0",
            "\u{131}@example.com",
            "\u{212a}@example.com",
            &long_local,
            &long,
        ];
        for address in refused {
            assert_eq!(Email::parse(address), Err(InvalidEmail), "{address:?}");
        }
    }
}
