//! `GET /v1/me/picture/upload-form`: signs a form by which the user who is signed in can upload a picture.
//!
//! It goes straight to the bucket, past this API. Nobody sees it before `PUT /v1/me/picture` has taken it.

use std::{collections::BTreeMap, time::Duration};

use api::{Authenticated, Endpoint, Error, Json, ProblemType, Query, Route, UseCase};
use cloud::{Cloud, SettingError, UploadConditions, Uploads};
use domain::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::Identities;

/// Signs forms.
pub struct ReadUploadForm(Uploads);

/// What a telephone's camera makes, and no more than a function can hold.
const MAX_OCTETS: u64 = 5 * 1024 * 1024;
/// Enough for a slow line; what a form permits cannot be taken back earlier.
const LIFETIME: Duration = Duration::from_mins(10);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadUploadForm>, SettingError> {
    Endpoint::new(cloud, Identities::new(cloud)?, ReadUploadForm(Uploads::new(cloud)?))
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

impl UseCase for ReadUploadForm {
    const ROUTES: &'static [Route] = &[Route::get("/v1/me/picture/upload-form")];
    const PROBLEMS: &'static [ProblemType] = &[];
    type Caller = Authenticated;
    type Request = Query<Request>;
    type Response = Json<Form>;

    async fn run(
        &self,
        caller: Self::Caller,
        Query(request): Self::Request,
    ) -> Result<Self::Response, Error> {
        let conditions = UploadConditions {
            user: caller.user_id,
            content_type: request.content_type.name(),
            max_octets: MAX_OCTETS,
            lifetime: LIFETIME,
        };
        let form = self.0.form(&conditions).await?;
        let (fields, expires_at) = (form.fields.into_iter().collect(), caller.head.now.plus(LIFETIME));
        Ok(Json(Form { url: form.url, fields, max_octets: MAX_OCTETS, expires_at }))
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
