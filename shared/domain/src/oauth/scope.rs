//! Scopes: what a client may do for a user.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bytes of one scope token.
const MAX_TOKEN: usize = 64;
/// Bytes of a scope. It is part of sealed texts, which travel in URLs.
const MAX_SCOPE: usize = 1024;

/// A set of scope tokens (RFC 6749, section 3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(BTreeSet<String>);

/// The text is not a scope.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "must be scope tokens of at most 64 visible ASCII characters, separated by a space, at most 1,024 in all"
)]
pub struct InvalidScope;

impl Scope {
    /// Asks for an ID token (OpenID Connect Core 1.0, section 3.1.2.1).
    pub const OPENID: &'static str = "openid";
    /// Asks for a refresh token that outlives the browser's session (OpenID Connect Core 1.0, section 11).
    pub const OFFLINE_ACCESS: &'static str = "offline_access";
    /// Permits Gatepost's own API. Only first-party clients can have it.
    pub const ACCOUNT: &'static str = "account";
    /// The scopes that every deployment has.
    pub const BUILT_IN: [&'static str; 5] =
        [Self::OPENID, "profile", "email", Self::OFFLINE_ACCESS, Self::ACCOUNT];

    /// Parses scope tokens that are separated by single spaces. The empty text is the empty scope.
    ///
    /// # Errors
    /// [`InvalidScope`] if a token has other characters than RFC 6749 allows, or the text is too long.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        // RFC 6749, appendix A.4: visible ASCII but the quotation mark and the backslash.
        let is_allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        let is_token =
            |token: &str| !token.is_empty() && token.len() <= MAX_TOKEN && token.bytes().all(is_allowed);
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.len() > MAX_SCOPE || !text.split(' ').all(is_token) {
            return Err(InvalidScope);
        }
        Ok(Self(text.split(' ').map(str::to_owned).collect()))
    }

    /// Returns whether the token is part of the scope.
    #[must_use]
    pub fn has(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// Returns whether the scope has no tokens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether every token is also part of `other`.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Returns the tokens that are part of both.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Returns the tokens that are part of either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// Returns the scope without a token.
    #[must_use]
    pub fn without(mut self, token: &str) -> Self {
        self.0.remove(token);
        self
    }

    /// Returns the tokens in the order of their bytes.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, token) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, InvalidScope> {
        Self::parse(&text)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_set_of_tokens() {
        let scope = Scope::parse("openid orders:read openid").expect("a scope");
        assert_eq!(scope.to_string(), "openid orders:read");
        assert!(scope.has("openid") && !scope.has("open"));
        assert_eq!(Scope::parse(""), Ok(Scope::default()));
        let long_token = "a".repeat(65);
        let long_scope = vec!["a".repeat(64); 16].join(" ");
        for refused in
            [" ", "a  b", " a", "a ", "a\tb", "a\"b", "a\\b", "é", "a\u{7f}", &long_token, &long_scope]
        {
            assert_eq!(Scope::parse(refused), Err(InvalidScope), "{refused:?}");
        }
    }

    #[test]
    fn a_scope_is_compared_token_by_token() {
        let parse = |text| Scope::parse(text).expect("a scope");
        let (all, some) = (parse("a b c"), parse("a c"));
        assert!(some.is_within(&all) && !all.is_within(&some) && Scope::default().is_within(&some));
        assert_eq!(all.common(&parse("c d")), parse("c"));
        assert_eq!(some.union(&parse("b")), all);
        assert_eq!(all.without("b"), some);
    }
}
