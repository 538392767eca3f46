//! The errors of the OAuth endpoints (RFC 6749, section 5.2; RFC 6750, section 3).

use domain::oauth::ErrorCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Problem, ProblemType, answer::Reply};

/// An error that an OAuth endpoint answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OauthError {
    code: ErrorCode,
    description: &'static str,
    status: u16,
    retry_after: Option<u32>,
}

/// An error as it is answered.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "OauthError")]
pub(crate) struct Document {
    /// The code.
    error: &'static str,
    /// The reason, from a fixed list.
    error_description: &'static str,
}

impl OauthError {
    /// Makes the error of a code; the description is one sentence.
    #[must_use]
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        let status = match code {
            ErrorCode::InvalidClient | ErrorCode::InvalidToken => 401,
            ErrorCode::InsufficientScope => 403,
            ErrorCode::ServerError => 500,
            ErrorCode::TemporarilyUnavailable => 503,
            _ => 400,
        };
        Self { code, description, status, retry_after: None }
    }

    /// Returns the code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// Returns the metric that the refusal is counted in, if it may be part of an attack.
    pub(crate) const fn metric(&self) -> Option<&'static str> {
        match (self.status, self.code) {
            (429, _) => Some("AuthLimited"),
            (_, ErrorCode::InvalidClient | ErrorCode::InvalidGrant | ErrorCode::InvalidToken) => {
                Some("AuthFailed")
            }
            _ => None,
        }
    }

    /// The error code of a challenge is about a token that was presented (RFC 6750, section 3).
    pub(crate) fn into_reply(self, presents_token: bool) -> Reply {
        let code = self.code.as_str();
        let mut reply =
            Reply::json(self.status, &Document { error: code, error_description: self.description });
        let challenge = match self.code {
            ErrorCode::InvalidClient => Some("Basic realm=\"gatepost\"".to_owned()),
            ErrorCode::InvalidToken if !presents_token => Some("Bearer".to_owned()),
            ErrorCode::InvalidToken | ErrorCode::InsufficientScope => {
                Some(format!("Bearer error=\"{code}\""))
            }
            _ => None,
        };
        let challenge = challenge.map(|challenge| ("www-authenticate".into(), challenge));
        let retry_after = self.retry_after.map(|seconds| ("retry-after".into(), seconds.to_string()));
        reply.headers.extend([challenge, retry_after].into_iter().flatten());
        reply
    }
}

/// A refusal that was made for the rest of the API.
impl From<Problem> for OauthError {
    fn from(problem: Problem) -> Self {
        let retry_after = problem.retry_after();
        match problem.kind() {
            ProblemType::RateLimited => {
                let limited = Self::new(ErrorCode::TemporarilyUnavailable, "Too many attempts.");
                Self { status: 429, retry_after, ..limited }
            }
            ProblemType::TemporarilyUnavailable => {
                let code = ErrorCode::TemporarilyUnavailable;
                Self { retry_after, ..Self::new(code, "Try again later.") }
            }
            ProblemType::InternalError => Self::new(ErrorCode::ServerError, "The request failed."),
            ProblemType::InvalidToken | ProblemType::TokenExpired => {
                Self::new(ErrorCode::InvalidToken, "The token is missing or invalid, or has expired.")
            }
            _ => Self::new(ErrorCode::InvalidRequest, "The request is malformed."),
        }
    }
}
