//! The part of the template that is about browsers: which pages of other origins may call the API or upload.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub(super) const API_WITHOUT_EFFECT: &[&str] = &["DefaultRouteSettings", "FailOnWarnings", "Name", "Tags"];
pub(super) const BUCKET_WITHOUT_EFFECT: &[&str] =
    &["BucketEncryption", "BucketName", "LifecycleConfiguration", "PublicAccessBlockConfiguration", "Tags"];

/// Cross-origin resource sharing, of the API or of a bucket.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Cors {
    /// The origins whose pages may read responses; `*` for every origin.
    #[serde(alias = "AllowedOrigins")]
    pub allow_origins: Vec<String>,
    /// The methods that those pages may use.
    #[serde(alias = "AllowedMethods")]
    pub allow_methods: Vec<String>,
    /// The headers that those pages may send.
    #[serde(alias = "AllowedHeaders")]
    pub allow_headers: Vec<String>,
    /// The headers of responses that those pages may read.
    #[serde(default, alias = "ExposedHeaders")]
    pub expose_headers: Vec<String>,
    /// For how many seconds a browser may keep the answer to a preflight.
    #[serde(default)]
    pub max_age: u32,
}

/// The properties of `AWS::Serverless::HttpApi`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct ApiProperties {
    #[serde(rename = "CorsConfiguration")]
    pub(super) cors: Option<Cors>,
    /// The keys of the routes that are throttled apart. Locally nothing is throttled.
    #[serde(default, rename = "RouteSettings", deserialize_with = "keys")]
    pub(super) throttled_apart: Vec<String>,
}

/// The properties of `AWS::S3::Bucket`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct BucketProperties {
    pub(super) cors_configuration: Option<BucketCors>,
}

/// The rules of a bucket: one is enough.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct BucketCors {
    pub(super) cors_rules: [Cors; 1],
}

fn keys<'de, D: Deserializer<'de>>(settings: D) -> Result<Vec<String>, D::Error> {
    let settings = serde_json::Map::<String, Value>::deserialize(settings)?;
    Ok(settings.into_iter().map(|(route, _)| route).collect())
}
