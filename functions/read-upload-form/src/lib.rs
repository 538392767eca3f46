//! `GET /v1/me/picture/upload-form`: signs a form by which the user who is signed in can upload a picture.
//!
//! It goes straight to the bucket, past this API. Nobody sees it before `PUT /v1/me/picture` has taken it.

use std::{collections::BTreeMap, time::Duration};

use api::{AccessGate, Endpoint, Problem, ProblemType, Query, Route, Shown, SignedIn, UseCase};
use cloud::{Clock, Cloud, Fault, SettingError, UploadConditions, Uploads};
use domain::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::Identities;
use thiserror::Error;

/// Signs forms.
pub struct ReadUploadForm {
    uploads: Uploads,
    gate: AccessGate,
    clock: Clock,
}

/// What a telephone's camera makes, and no more than a function can hold.
const MAX_OCTETS: u64 = 5 * 1024 * 1024;
/// Enough for a slow line; what a form permits cannot be taken back earlier.
const LIFETIME: Duration = Duration::from_mins(10);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadUploadForm>, SettingError> {
    let gate = AccessGate::new(cloud, &Identities::new(cloud)?)?;
    let (uploads, clock) = (Uploads::new(cloud)?, cloud.clock());
    Endpoint::reading(cloud, ReadUploadForm { uploads, gate, clock })
}

/// What is to be uploaded.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    content_type: ContentType,
}

/// What can be read.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[schemars(inline)]
enum ContentType {
    #[serde(rename = "image/jpeg")]
    Jpeg,
    #[serde(rename = "image/png")]
    Png,
    #[serde(rename = "image/webp")]
    Webp,
}

/// To be posted as `multipart/form-data` to `url`: the fields, and after them the picture, as `file`.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct Form {
    #[schemars(extend("format" = "uri"))]
    url: String,
    /// Name and value of each.
    fields: BTreeMap<&'static str, String>,
    /// What the picture may have at most.
    max_octets: u64,
    /// Until when the form is taken.
    #[schemars(with = "String", extend("format" = "date-time"))]
    expires_at: Timestamp,
}

/// Why there is no form.
#[derive(Debug, Error)]
pub enum Refusal {
    /// It cannot be signed.
    #[error("not signed")]
    NotSigned(#[from] Fault),
}

impl UseCase for ReadUploadForm {
    const ROUTES: &'static [Route] = &[Route::get("/v1/me/picture/upload-form")];
    const PROBLEMS: &'static [ProblemType] = &[];
    type Caller = SignedIn;
    type Request = Query<Request>;
    type Response = Shown<Form>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(&self, caller: SignedIn, Query(request): Query<Request>) -> Result<Shown<Form>, Refusal> {
        let expires_at = self.clock.now().plus(LIFETIME);
        let conditions = UploadConditions {
            user: caller.user_id,
            content_type: request.content_type.name(),
            max_octets: MAX_OCTETS,
            lifetime: LIFETIME,
        };
        let form = self.uploads.form(&conditions).await?;
        let fields = form.fields.into_iter().collect();
        Ok(Shown(Form { url: form.url, fields, max_octets: MAX_OCTETS, expires_at }))
    }
}

impl ContentType {
    const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotSigned(fault) => Self::failure(fault.is_transient()),
        }
    }
}
