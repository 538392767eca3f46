//! Problems, RFC 9457. A problem has no field for a cause: what went wrong inside is in the log.

use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::Reply;

/// Why a request was not served, as the caller may know it.
#[derive(Debug)]
pub struct Problem {
    kind: ProblemType,
    errors: Vec<FieldProblem>,
    retry_after: Option<u32>,
    allow: Option<String>,
}

/// What is wrong with one field.
#[derive(Debug, JsonSchema, Serialize)]
pub struct FieldProblem {
    /// JSON pointer (RFC 6901) to the field.
    pub pointer: String,
    /// A problem slug.
    pub code: &'static str,
    /// Completes the sentence "`<field>` …".
    pub detail: String,
}

macro_rules! problem_types {
    ($($(#[$doc:meta])* $name:ident $slug:literal $status:literal $title:literal $detail:literal;)*) => {
        /// Every kind of problem: its slug, status and texts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ProblemType { $($(#[$doc])* $name,)* }

        impl ProblemType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The last part of the problem's `type`.
            #[must_use]
            pub const fn slug(self) -> &'static str { match self { $(Self::$name => $slug,)* } }

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 { match self { $(Self::$name => $status,)* } }

            /// The same for every problem of the kind.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Self::$name => $title,)* } }

            /// What to do about it.
            #[must_use]
            pub const fn detail(self) -> &'static str { match self { $(Self::$name => $detail,)* } }
        }
    };
}

problem_types! {
    /// The body is no JSON object.
    MalformedJson "malformed-json" 400 "Malformed JSON" "Send one JSON object in UTF-8.";
    /// The body is of another media type.
    UnsupportedMediaType "unsupported-media-type" 415 "Unsupported media type" "Send `content-type: application/json`.";
    /// The body is larger than 16 KiB.
    PayloadTooLarge "payload-too-large" 413 "Payload too large" "Send a body of at most 16 KiB.";
    /// There is no such thing.
    NotFound "not-found" 404 "Not found" "The resource does not exist, or you cannot access it.";
    /// The path is there, the method is not.
    MethodNotAllowed "method-not-allowed" 405 "Method not allowed" "Use a method that the `allow` header lists.";
    /// Fields are missing, unknown or unacceptable.
    ValidationFailed "validation-failed" 422 "Invalid fields" "Correct the fields that `errors` lists.";
    /// The one-time link is not good.
    LinkInvalid "link-invalid" 400 "Invalid link" "The link has expired, or was used or replaced. Ask for a new one.";
    /// Address and password do not match.
    InvalidCredentials "invalid-credentials" 401 "Invalid credentials" "Check the address and the password.";
    /// The password, which is asked for again, is not the user's.
    ReauthenticationRequired "reauthentication-required" 403 "Wrong password" "Enter your current password.";
    /// The password is right, and the user may not sign in.
    AccountSuspended "account-suspended" 403 "Account suspended" "Contact an administrator of the service.";
    /// The user has no right to it.
    Forbidden "forbidden" 403 "Permission denied" "Ask for a role that permits it. A new role takes effect at the next refresh.";
    /// Somebody else has proven the address before.
    EmailTaken "email-taken" 409 "Address taken" "Choose an address that no other account has.";
    /// Nobody would be left who can give rights.
    LastAdministrator "last-administrator" 409 "Last administrator" "Make another user an administrator first.";
    /// One's own account is deleted by oneself.
    OwnAccount "own-account" 409 "Own account" "Delete your own account with `DELETE /v1/me`.";
    /// The role is built in.
    RoleBuiltIn "role-built-in" 409 "Built-in role" "Define another role: a built-in one cannot be changed.";
    /// A role had the name.
    RoleDeleted "role-deleted" 409 "Role name already used" "Users who had the deleted role would get this one. Choose another name.";
    /// The user has as many roles as a user can have.
    TooManyRoles "too-many-roles" 409 "Too many roles" "Revoke a role first: a user has at most 50.";
    /// The user may not sign in.
    UserSuspended "user-suspended" 409 "User suspended" "Reactivate the user first.";
    /// There is no picture to take.
    UploadMissing "upload-missing" 409 "Upload missing" "Send the picture with an upload form first. An upload is kept for a day and used once.";
    /// What was uploaded is no picture that can be used.
    PictureUnacceptable "picture-unacceptable" 422 "Unusable picture" "Send a JPEG, PNG or WebP of at most 5 MiB and 50 million pixels.";
    /// The resource is of another version than the request is for.
    VersionConflict "version-conflict" 412 "Version conflict" "Read the resource again: `if-match` names another version.";
    /// Too many attempts.
    RateLimited "rate-limited" 429 "Too many attempts" "Try again after the seconds in `retry-after`.";
    /// The token is missing or not valid.
    InvalidToken "invalid-token" 401 "Invalid token" "Log in again: the token is missing or invalid, or its session has ended.";
    /// The token has expired.
    TokenExpired "token-expired" 401 "Token expired" "Refresh the session, or log in again.";
    /// The refresh token was used before.
    TokenReused "token-reused" 401 "Refresh token reused" "Log in again: the token may be stolen, so its session has ended.";
    /// The idempotency key is none.
    InvalidIdempotencyKey "invalid-idempotency-key" 400 "Invalid idempotency key" "Send 16 to 255 random visible ASCII characters, such as a UUID version 4.";
    /// The cursor leads nowhere.
    InvalidCursor "invalid-cursor" 400 "Invalid cursor" "Send the `next_cursor` of the previous page of the same list.";
    /// Another request was made under the same idempotency key.
    IdempotencyMismatch "idempotency-mismatch" 422 "Idempotency key already used" "The key was used for a different request within the last 24 hours. Use a new key.";
    /// A dependency is down.
    TemporarilyUnavailable "temporarily-unavailable" 503 "Temporarily unavailable" "Try again after the seconds in `retry-after`.";
    /// Something is wrong inside.
    InternalError "internal-error" 500 "Internal error" "Report the correlation id: the failure is logged under it.";
}

impl ProblemType {
    /// Returns the metric that a refusal is counted in, if it may be part of an attack.
    pub(crate) const fn metric(self) -> Option<&'static str> {
        match self {
            Self::InvalidCredentials
            | Self::InvalidToken
            | Self::LinkInvalid
            | Self::ReauthenticationRequired => Some("AuthFailed"),
            Self::AccountSuspended | Self::Forbidden => Some("AuthForbidden"),
            Self::RateLimited => Some("AuthLimited"),
            Self::TokenReused => Some("AuthTokenReused"),
            _ => None,
        }
    }
}

/// What a [`FieldProblem`] may have as its code, and what that means.
pub const FIELD_CODES: &[(&str, &str)] = &[
    ("validation-failed", "The field is missing, unknown, or has the wrong type or form."),
    ("invalid-email", "Mail cannot be sent to this address."),
    ("password-required", "A password is required."),
    ("password-too-short", "The password has too few characters."),
    ("password-too-long", "The password has too many characters."),
    ("password-blocklisted", "The password is easily guessed."),
    ("password-breached", "The password is known from a breach."),
    ("password-reused", "The password is one of the user's last passwords."),
];

/// Seconds; long enough for a throttled table to recover.
const UNAVAILABLE_RETRY_AFTER: u32 = 2;

impl FieldProblem {
    /// The field at `pointer` has the problem `code`; `error` completes the sentence.
    #[must_use]
    pub fn new(pointer: &str, code: &'static str, error: &impl std::error::Error) -> Self {
        debug_assert!(FIELD_CODES.iter().any(|(known, _)| *known == code), "{code} is not described");
        Self { pointer: pointer.to_owned(), code, detail: error.to_string() }
    }
}

impl Problem {
    /// A problem of this kind.
    #[must_use]
    pub const fn of(kind: ProblemType) -> Self {
        Self { kind, errors: Vec::new(), retry_after: None, allow: None }
    }

    /// Some fields are not acceptable.
    #[must_use]
    pub fn fields(errors: Vec<FieldProblem>) -> Self {
        Self { errors, ..Self::of(ProblemType::ValidationFailed) }
    }

    /// Too many attempts; come back after `seconds`.
    #[must_use]
    pub fn rate_limited(seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..Self::of(ProblemType::RateLimited) }
    }

    /// A dependency is down.
    #[must_use]
    pub fn unavailable() -> Self {
        Self { retry_after: Some(UNAVAILABLE_RETRY_AFTER), ..Self::of(ProblemType::TemporarilyUnavailable) }
    }

    /// Something inside failed; whether it passes is all that the caller is told.
    #[must_use]
    pub fn failure(is_retryable: bool) -> Self {
        if is_retryable { Self::unavailable() } else { Self::of(ProblemType::InternalError) }
    }

    /// The path has `allow` only, e.g. `GET, DELETE`.
    #[must_use]
    pub fn method_not_allowed(allow: String) -> Self {
        Self { allow: Some(allow), ..Self::of(ProblemType::MethodNotAllowed) }
    }

    /// Of which kind it is.
    #[must_use]
    pub const fn kind(&self) -> ProblemType {
        self.kind
    }

    /// `presents_token` says whether the request had a bearer token.
    pub(crate) fn into_reply(self, issuer: &str, correlation_id: &str, presents_token: bool) -> Reply {
        let kind = self.kind;
        let document = Document::of(kind, issuer, &self.errors, correlation_id);
        let mut reply = Reply::json(kind.status(), &document);
        reply.headers.insert("content-type".into(), "application/problem+json".to_owned());
        let retry_after = self.retry_after.map(|seconds| ("retry-after".into(), seconds.to_string()));
        let allow = self.allow.map(|methods| ("allow".into(), methods));
        let challenge =
            challenge(kind, presents_token).map(|challenge| ("www-authenticate".into(), challenge));
        reply.headers.extend([retry_after, allow, challenge].into_iter().flatten());
        reply
    }
}

/// A problem, as it is answered: RFC 9457.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Problem")]
pub(crate) struct Document<'a> {
    /// Which problem it is; readable there.
    #[schemars(extend("format" = "uri"))]
    r#type: String,
    /// The same for every problem of the type.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What to do.
    detail: &'static str,
    /// What is wrong with each field.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldProblem],
    /// What the log knows the request by.
    correlation_id: &'a str,
}

impl<'a> Document<'a> {
    fn of(kind: ProblemType, issuer: &str, errors: &'a [FieldProblem], correlation_id: &'a str) -> Self {
        Self {
            r#type: format!("{issuer}/problems/{}", kind.slug()),
            title: kind.title(),
            status: kind.status(),
            detail: kind.detail(),
            errors,
            correlation_id,
        }
    }
}

/// What an answer with this problem looks like.
pub(crate) fn example(kind: ProblemType) -> serde_json::Value {
    let detail = "must be an address such as ada@example.com".to_owned();
    let error = FieldProblem { pointer: "/email".to_owned(), code: "invalid-email", detail };
    let errors = if kind == ProblemType::ValidationFailed { vec![error] } else { Vec::new() };
    let correlation_id = "0f6d1f4e-3c52-4a39-9f0c-8f3d1a5b7c2d";
    serde_json::json!(Document::of(kind, "https://id.example.com", &errors, correlation_id))
}

/// The challenge of a 401. The error code is about a bearer token that was presented: without one there is
/// none (RFC 6750, section 3).
fn challenge(kind: ProblemType, presents_token: bool) -> Option<String> {
    let has_code = presents_token && kind != ProblemType::InvalidCredentials;
    let challenge = if has_code { "Bearer error=\"invalid_token\"" } else { "Bearer" };
    (kind.status() == 401).then(|| challenge.to_owned())
}
