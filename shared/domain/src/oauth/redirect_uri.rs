//! Redirect URIs, which are compared byte for byte.

use serde::Serialize;
use thiserror::Error;

use super::ClientKind;

/// Bytes.
const MAX_REDIRECT_URI: usize = 512;
const HTTPS: &str = "https://";
const HTTP: &str = "http://";
/// The hosts of the loopback interface (RFC 8252, section 7.3).
const LOOPBACK_HOSTS: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// A redirect URI that a client may register: `https`, `http` to the loopback interface, or, for native clients,
/// a private-use scheme with a dot (RFC 8252, section 7.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

/// The text is not a redirect URI that can be registered.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "must be an `https` URL, an `http` URL of 127.0.0.1, [::1] or localhost, or, for a native client, a URI whose \
     scheme has a dot; without a fragment, user or wildcard, and at most 512 characters"
)]
pub struct InvalidRedirectUri;

impl RedirectUri {
    /// Parses a redirect URI of a client of this kind.
    ///
    /// # Errors
    /// [`InvalidRedirectUri`].
    pub fn parse(text: &str, kind: ClientKind) -> Result<Self, InvalidRedirectUri> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"#*\\\"<>^`{|}".contains(&byte);
        if text.len() > MAX_REDIRECT_URI || !text.bytes().all(is_plain) {
            return Err(InvalidRedirectUri);
        }
        let is_valid = if let Some(rest) = text.strip_prefix(HTTPS) {
            has_host(rest)
        } else if text.starts_with(HTTP) {
            loopback_parts(text).is_some()
        } else {
            kind == ClientKind::Native && has_private_scheme(text)
        };
        if is_valid { Ok(Self(text.to_owned())) } else { Err(InvalidRedirectUri) }
    }

    /// Returns the URI as it was registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether a request for `requested` may be answered there. The bytes must be equal, but for the port of a
    /// native client's loopback URI, which the operating system chooses (RFC 8252, section 7.3).
    #[must_use]
    pub fn permits(&self, requested: &str, kind: ClientKind) -> bool {
        if self.0 == requested {
            return true;
        }
        kind == ClientKind::Native
            && matches!(
                (loopback_parts(&self.0), loopback_parts(requested)),
                (Some(registered), Some(requested)) if registered == requested
            )
    }

    /// Returns whether the URI is `https`, so that only its owner's server can receive what is sent there.
    #[must_use]
    pub fn is_https(text: &str) -> bool {
        text.starts_with(HTTPS)
    }

    /// Returns the origin of an `http` or `https` URI; `None` for any other.
    #[must_use]
    pub fn origin(text: &str) -> Option<&str> {
        let scheme = [HTTPS, HTTP].into_iter().find(|scheme| text.starts_with(scheme))?;
        let end = text[scheme.len()..].find(['/', '?']).map_or(text.len(), |at| scheme.len() + at);
        text.get(..end)
    }
}

/// The host and what follows the port of a loopback URI; the port itself may be any.
fn loopback_parts(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix(HTTP)?;
    let host = LOOPBACK_HOSTS.into_iter().find(|host| rest.starts_with(host))?;
    let rest = &rest[host.len()..];
    let after = match rest.strip_prefix(':') {
        Some(port) => {
            let digits = port.len() - port.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            port[..digits].parse::<u16>().ok().filter(|port| *port > 0)?;
            &port[digits..]
        }
        None => rest,
    };
    (after.is_empty() || after.starts_with(['/', '?'])).then_some((host, after))
}

/// Whether the text begins with a host and perhaps a port: no user, no empty label.
fn has_host(text: &str) -> bool {
    let authority = text.split(['/', '?']).next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_v6 = |address: &str| address.parse::<std::net::Ipv6Addr>().is_ok();
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => is_v6(address),
        None => host.split('.').all(is_label),
    };
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Whether the scheme has a dot, as a domain name in reverse order has, and something follows it.
fn has_private_scheme(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(is_scheme)
        && scheme.contains('.')
        && !rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_loopback_and_private_schemes_can_be_registered() {
        for uri in ["https://app.example/cb", "https://app.example:8443/cb?x=1", "https://[2001:db8::1]/cb"] {
            assert!(RedirectUri::parse(uri, ClientKind::Web).is_ok(), "{uri}");
        }
        for uri in ["http://localhost:3000/cb", "http://127.0.0.1/cb", "http://[::1]:9/"] {
            assert!(RedirectUri::parse(uri, ClientKind::Web).is_ok(), "{uri}");
        }
        assert!(RedirectUri::parse("com.example.app:/cb", ClientKind::Native).is_ok());
        assert!(RedirectUri::parse("com.example.app:/cb", ClientKind::Web).is_err());
        let long = format!("https://app.example/{}", "a".repeat(500));
        for uri in [
            "",
            "app.example/cb",
            "//app.example/cb",
            "http://app.example/cb",
            "http://localhost.evil.example/cb",
            "http://localhost:3000@evil.example/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:99999/cb",
            "https://",
            "https:///cb",
            "https://user@app.example/cb",
            "https://app..example/cb",
            "https://*.example/cb",
            "https://app.example/*",
            "https://app.example/cb#",
            "https://app.example/ cb",
            "https://app.example\\cb",
            "https://app.example:port/cb",
            "HTTPS://app.example/cb",
            "javascript:alert(1)",
            "JavaScript:alert(1)//a.b",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "myapp:/cb",
            "com.Example.app:/cb",
            "com.example.app:",
            "https://app.example/\u{e9}",
            &long,
        ] {
            assert_eq!(RedirectUri::parse(uri, ClientKind::Native), Err(InvalidRedirectUri), "{uri}");
        }
    }

    #[test]
    fn a_redirect_uri_is_compared_byte_for_byte() {
        let registered = RedirectUri::parse("https://app.example/cb", ClientKind::Web).expect("a URI");
        assert!(registered.permits("https://app.example/cb", ClientKind::Web));
        for other in [
            "https://app.example/cb/",
            "https://app.example/CB",
            "https://APP.example/cb",
            "https://app.example:443/cb",
            "https://app.example/cb?",
            "https://app.example/cb?x",
            "https://app.example/x/../cb",
            "https://app.example/%63b",
            "https://app.example.evil.example/cb",
            "http://app.example/cb",
        ] {
            assert!(!registered.permits(other, ClientKind::Native), "{other}");
        }
    }

    #[test]
    fn the_port_of_a_native_clients_loopback_uri_is_free() {
        let registered = RedirectUri::parse("http://127.0.0.1/cb", ClientKind::Native).expect("a URI");
        for port in ["", ":1", ":49152", ":65535"] {
            let requested = format!("http://127.0.0.1{port}/cb");
            assert!(registered.permits(&requested, ClientKind::Native), "{requested}");
            assert_eq!(registered.permits(&requested, ClientKind::Web), port.is_empty(), "{requested}");
        }
        for other in [
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:1/cb2",
            "http://127.0.0.1:1@evil.example/cb",
            "http://localhost:1/cb",
            "https://127.0.0.1:1/cb",
        ] {
            assert!(!registered.permits(other, ClientKind::Native), "{other}");
        }
    }

    #[test]
    fn the_origin_of_a_uri_ends_before_its_path() {
        assert_eq!(RedirectUri::origin("https://a.example:8443/cb"), Some("https://a.example:8443"));
        assert_eq!(RedirectUri::origin("http://[::1]?x"), Some("http://[::1]"));
        assert_eq!(RedirectUri::origin("com.example:/cb"), None);
    }
}
