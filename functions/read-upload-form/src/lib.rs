//! `GET /v1/me/picture/upload-form`: get a signed form for the upload of a picture.
//!
//! The form posts the file directly to the bucket. An uploaded file is not public; `PUT /v1/me/picture` makes
//! it the user's picture.

use std::{collections::BTreeMap, time::Duration};

use api::{Authenticated, Endpoint, Error, Json, ProblemType, Query, Route, UseCase};
use cloud::{Cloud, SettingError, UploadConditions, Uploads};
use domain::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::Identities;

/// Signs upload forms.
pub struct ReadUploadForm(Uploads);

/// Enough for the camera of a telephone, and within the memory of the function.
const MAX_OCTETS: u64 = 5 * 1024 * 1024;
/// Enough for a slow line. A form cannot be revoked earlier.
const LIFETIME: Duration = Duration::from_mins(10);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadUploadForm>, SettingError> {
    Endpoint::new(cloud, Identities::new(cloud)?, ReadUploadForm(Uploads::new(cloud)?))
}

/// The file to upload.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    content_type: ContentType,
}

/// The supported formats.
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

/// A form to post to `url` as `multipart/form-data`: first the fields, then the picture as `file`.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct Form {
    #[schemars(extend("format" = "uri"))]
    url: String,
    /// The names and values of the fields.
    fields: BTreeMap<&'static str, String>,
    /// The highest size of the picture in bytes.
    max_octets: u64,
    /// The time at which the form expires.
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
