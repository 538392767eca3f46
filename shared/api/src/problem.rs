//! Problems (RFC 9457). They have no field for a cause: internal causes are in the log.

use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::Reply;

/// The reason why a request was not served, as the caller may know it.
#[derive(Debug)]
pub struct Problem {
    kind: ProblemType,
    errors: Vec<FieldProblem>,
    retry_after: Option<u32>,
    allow: Option<String>,
}

/// The problem of one field.
#[derive(Debug, JsonSchema, Serialize)]
pub struct FieldProblem {
    /// JSON pointer (RFC 6901) to the field.
    pub pointer: String,
    /// The slug of the problem.
    pub code: &'static str,
    /// Completes the sentence "`<field>` …".
    pub detail: String,
}

macro_rules! problem_types {
    ($($(#[$doc:meta])* $name:ident $slug:literal $status:literal $title:literal $detail:literal;)*) => {
        /// The types of problems, with slug, status and texts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ProblemType { $($(#[$doc])* $name,)* }

        impl ProblemType {
            /// All types.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the last part of the problem's `type`.
            #[must_use]
            pub const fn slug(self) -> &'static str { match self { $(Self::$name => $slug,)* } }

            /// Returns the HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 { match self { $(Self::$name => $status,)* } }

            /// Returns the title, which is equal for every problem of the type.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Self::$name => $title,)* } }

            /// Returns the action that the caller can take.
            #[must_use]
            pub const fn detail(self) -> &'static str { match self { $(Self::$name => $detail,)* } }
        }
    };
}

problem_types! {
    /// The body is not a JSON object.
    MalformedJson "malformed-json" 400 "Malformed JSON" "Send one JSON object in UTF-8.";
    /// The body has another media type.
    UnsupportedMediaType "unsupported-media-type" 415 "Unsupported media type" "Send `content-type: application/json`.";
    /// The body is larger than 16 KiB.
    PayloadTooLarge "payload-too-large" 413 "Payload too large" "Send a body of at most 16 KiB.";
    /// The resource does not exist.
    NotFound "not-found" 404 "Not found" "The resource does not exist, or you cannot access it.";
    /// The path does not have this method.
    MethodNotAllowed "method-not-allowed" 405 "Method not allowed" "Use a method that the `allow` header lists.";
    /// Fields are missing, unknown or unacceptable.
    ValidationFailed "validation-failed" 422 "Invalid fields" "Correct the fields that `errors` lists.";
    /// The one-time link is invalid.
    LinkInvalid "link-invalid" 400 "Invalid link" "The link has expired, or was used or replaced. Ask for a new one.";
    /// Address and password do not match.
    InvalidCredentials "invalid-credentials" 401 "Invalid credentials" "Check the address and the password.";
    /// The current password in the request is wrong.
    ReauthenticationRequired "reauthentication-required" 403 "Wrong password" "Enter your current password.";
    /// The password is right, but the user is suspended.
    AccountSuspended "account-suspended" 403 "Account suspended" "Contact an administrator of the service.";
    /// The user lacks the permission.
    Forbidden "forbidden" 403 "Permission denied" "Ask for a role that permits it. A new role takes effect at the next refresh.";
    /// Another account has the address.
    EmailTaken "email-taken" 409 "Address taken" "Choose an address that no other account has.";
    /// No administrator would remain.
    LastAdministrator "last-administrator" 409 "Last administrator" "Make another user an administrator first.";
    /// Callers delete their own account with another route.
    OwnAccount "own-account" 409 "Own account" "Delete your own account with `DELETE /v1/me`.";
    /// The role is built in.
    RoleBuiltIn "role-built-in" 409 "Built-in role" "Define another role: a built-in one cannot be changed.";
    /// A deleted role had the name.
    RoleDeleted "role-deleted" 409 "Role name already used" "Users who had the deleted role would get this one. Choose another name.";
    /// The user has the highest number of roles.
    TooManyRoles "too-many-roles" 409 "Too many roles" "Revoke a role first: a user has at most 50.";
    /// The user is suspended.
    UserSuspended "user-suspended" 409 "User suspended" "Reactivate the user first.";
    /// The upload does not exist.
    UploadMissing "upload-missing" 409 "Upload missing" "Send the picture with an upload form first. An upload is kept for a day and used once.";
    /// The upload is not a usable picture.
    PictureUnacceptable "picture-unacceptable" 422 "Unusable picture" "Send a JPEG, PNG or WebP of at most 5 MiB and 50 million pixels.";
    /// The resource has another version than the request is for.
    VersionConflict "version-conflict" 412 "Version conflict" "Read the resource again: `if-match` names another version.";
    /// Too many attempts.
    RateLimited "rate-limited" 429 "Too many attempts" "Try again after the seconds in `retry-after`.";
    /// The token is missing or invalid.
    InvalidToken "invalid-token" 401 "Invalid token" "Log in again: the token is missing or invalid, or its session has ended.";
    /// The token has expired.
    TokenExpired "token-expired" 401 "Token expired" "Refresh the session, or log in again.";
    /// The refresh token was used before.
    TokenReused "token-reused" 401 "Refresh token reused" "Log in again: the token may be stolen, so its session has ended.";
    /// The idempotency key is malformed.
    InvalidIdempotencyKey "invalid-idempotency-key" 400 "Invalid idempotency key" "Send 16 to 255 random visible ASCII characters, such as a UUID version 4.";
    /// The cursor is malformed or belongs to another list.
    InvalidCursor "invalid-cursor" 400 "Invalid cursor" "Send the `next_cursor` of the previous page of the same list.";
    /// The idempotency key was used for another request.
    IdempotencyMismatch "idempotency-mismatch" 422 "Idempotency key already used" "The key was used for a different request within the last 24 hours. Use a new key.";
    /// The interaction is unknown or too old.
    InteractionExpired "interaction-expired" 400 "Interaction expired" "Go back to the application and sign in again.";
    /// The request comes from another origin than the pages of this deployment.
    CrossOrigin "cross-origin" 403 "Cross-origin request" "Send the request from the pages of this deployment.";
    /// A dependency is down.
    TemporarilyUnavailable "temporarily-unavailable" 503 "Temporarily unavailable" "Try again after the seconds in `retry-after`.";
    /// Gatepost failed.
    InternalError "internal-error" 500 "Internal error" "Report the correlation id: the failure is logged under it.";
}

impl ProblemType {
    /// Returns the metric that counts a refusal, if it may be part of an attack.
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

/// The codes of a [`FieldProblem`] and their meanings.
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

/// In seconds. This is long enough for a throttled table to recover.
const UNAVAILABLE_RETRY_AFTER: u32 = 2;

impl FieldProblem {
    /// Creates the problem `code` of the field at `pointer`. `error` completes the sentence.
    #[must_use]
    pub fn new(pointer: &str, code: &'static str, error: &impl std::error::Error) -> Self {
        debug_assert!(FIELD_CODES.iter().any(|(known, _)| *known == code), "{code} is not described");
        Self { pointer: pointer.to_owned(), code, detail: error.to_string() }
    }
}

impl Problem {
    /// Creates a problem of this type.
    #[must_use]
    pub const fn of(kind: ProblemType) -> Self {
        Self { kind, errors: Vec::new(), retry_after: None, allow: None }
    }

    /// Creates the problem of unacceptable fields.
    #[must_use]
    pub fn fields(errors: Vec<FieldProblem>) -> Self {
        Self { errors, ..Self::of(ProblemType::ValidationFailed) }
    }

    /// Creates the problem of too many attempts, with the seconds to wait.
    #[must_use]
    pub fn rate_limited(seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..Self::of(ProblemType::RateLimited) }
    }

    /// Creates the problem of a dependency that is down.
    #[must_use]
    pub fn unavailable() -> Self {
        Self { retry_after: Some(UNAVAILABLE_RETRY_AFTER), ..Self::of(ProblemType::TemporarilyUnavailable) }
    }

    /// Creates the problem of an internal failure. The caller only learns whether to retry.
    #[must_use]
    pub fn failure(is_retryable: bool) -> Self {
        if is_retryable { Self::unavailable() } else { Self::of(ProblemType::InternalError) }
    }

    /// Creates the problem of a method that the path does not have. `allow` lists the others, e.g. `GET,
    /// DELETE`.
    #[must_use]
    pub fn method_not_allowed(allow: String) -> Self {
        Self { allow: Some(allow), ..Self::of(ProblemType::MethodNotAllowed) }
    }

    /// Returns the seconds after which to try again.
    pub(crate) const fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// Returns the type.
    #[must_use]
    pub const fn kind(&self) -> ProblemType {
        self.kind
    }

    /// Renders the problem. `presents_token` tells whether the request had a bearer token.
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

/// A problem in a response (RFC 9457).
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Problem")]
pub(crate) struct Document<'a> {
    /// The URL of the problem type, which describes it.
    #[schemars(extend("format" = "uri"))]
    r#type: String,
    /// The title, which is equal for every problem of the type.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The action that the caller can take.
    detail: &'static str,
    /// The problems of fields.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldProblem],
    /// The id of the request in the log.
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

/// Returns an example of this problem.
pub(crate) fn example(kind: ProblemType) -> serde_json::Value {
    let detail = "must be an address such as ada@example.com".to_owned();
    let error = FieldProblem { pointer: "/email".to_owned(), code: "invalid-email", detail };
    let errors = if kind == ProblemType::ValidationFailed { vec![error] } else { Vec::new() };
    let correlation_id = "0f6d1f4e-3c52-4a39-9f0c-8f3d1a5b7c2d";
    serde_json::json!(Document::of(kind, "https://id.example.com", &errors, correlation_id))
}

/// Returns the challenge of a 401. It has an error code only if the request had a bearer token (RFC 6750,
/// section 3).
fn challenge(kind: ProblemType, presents_token: bool) -> Option<String> {
    let has_code = presents_token && kind != ProblemType::InvalidCredentials;
    let challenge = if has_code { "Bearer error=\"invalid_token\"" } else { "Bearer" };
    (kind.status() == 401).then(|| challenge.to_owned())
}
