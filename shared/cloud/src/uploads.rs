//! Uploads of users: one file each in an S3 bucket. Users post it with forms that are signed here. The two
//! other calls do not justify an SDK client, which signs no forms either.

use std::{fmt, time::Duration};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{PayloadChecksumKind, PercentEncodingMode, SigningSettings, UriPathNormalizationMode},
    sign::v4,
};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        behavior_version::BehaviorVersion,
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        stalled_stream_protection::StalledStreamProtectionConfig,
    },
};
use aws_smithy_types::{DateTime, date_time::Format, error::metadata::ErrorMetadata, timeout::TimeoutConfig};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::UserId;
use serde_json::json;

use crate::{
    AwsError, Cloud, SettingError, aws,
    signing::{Signer, Unsigned},
};

/// The timeouts of all attempts of a call, and of one attempt with a few megabytes.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(7);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// The bucket of uploads.
pub struct Uploads {
    operation: Operation<HttpRequest, Option<Vec<u8>>, ErrorMetadata>,
    signer: Signer,
    bucket: String,
    endpoint: String,
    /// The path of the bucket at the endpoint.
    path: String,
}

/// The conditions of an upload form.
#[derive(Clone, Debug)]
pub struct UploadConditions<'a> {
    /// The user. A previous upload is replaced.
    pub user: UserId,
    /// The media type.
    pub content_type: &'a str,
    /// The highest size in bytes.
    pub max_octets: u64,
    /// The lifetime of the form.
    pub lifetime: Duration,
}

/// A form to post as `multipart/form-data` to `url`: first the fields, then the `file`.
#[derive(Clone, Debug)]
pub struct UploadForm {
    /// The URL to post to.
    pub url: String,
    /// The fields by name.
    pub fields: Vec<(&'static str, String)>,
}

impl Uploads {
    /// Opens the bucket in the setting `UPLOADS_BUCKET`, at the endpoint in `AWS_ENDPOINT_URL_S3` or
    /// `AWS_ENDPOINT_URL`, if one is set.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let bucket = cloud.settings().text("UPLOADS_BUCKET")?;
        let signer = Signer::new(cloud, "s3", settings);
        let elsewhere = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
            .iter()
            .find_map(|name| cloud.settings().optional(name));
        let (endpoint, path) = match elsewhere {
            Some(endpoint) => (endpoint.to_owned(), format!("/{bucket}")),
            None => (aws::endpoint(&format!("{bucket}.s3"), &signer.region), String::new()),
        };
        let operation = operation(cloud, &endpoint);
        Ok(Self { operation, signer, bucket, endpoint, path })
    }

    /// Signs a form that permits exactly such an upload.
    ///
    /// # Errors
    /// [`AwsError::Final`] if there are no credentials to sign it with.
    pub async fn form(&self, conditions: &UploadConditions<'_>) -> Result<UploadForm, AwsError> {
        let fields = self.fields(conditions).await.map_err(|_| AwsError::unmade())?;
        Ok(UploadForm { url: format!("{}{}", self.endpoint, self.path), fields })
    }

    /// Reads the upload of a user, if there is one.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn read(&self, user: UserId) -> Result<Option<Vec<u8>>, AwsError> {
        self.call("GET", user).await
    }

    /// Deletes the upload of a user, if there is one.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn delete(&self, user: UserId) -> Result<(), AwsError> {
        self.call("DELETE", user).await.map(drop)
    }

    async fn call(&self, method: &'static str, user: UserId) -> Result<Option<Vec<u8>>, AwsError> {
        let path = format!("{}/{user}", self.path);
        let request = Unsigned { method, endpoint: &self.endpoint, path: &path, headers: &[], body: "" };
        let request = self.signer.signed(request).await.map_err(|_| AwsError::unmade())?;
        self.operation.invoke(request).await.map_err(|error| AwsError::of(&error))
    }

    /// Returns the fields of a form: a policy with the conditions, and its signature. See "Browser-Based
    /// Uploads Using POST (AWS Signature Version 4)" in the S3 API reference.
    async fn fields(
        &self,
        conditions: &UploadConditions<'_>,
    ) -> Result<Vec<(&'static str, String)>, BoxError> {
        let now = self.signer.now()?;
        let credentials = self.signer.credentials().await?;
        let time = DateTime::from(now).fmt(Format::DateTime)?;
        let day = time.get(..10).ok_or("a time without a day")?.replace('-', "");
        let seconds: String = time.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
        let scope = format!("{day}/{}/{}/aws4_request", self.signer.region, self.signer.service);
        let mut fields = vec![
            ("key", conditions.user.to_string()),
            ("content-type", conditions.content_type.to_owned()),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("x-amz-credential", format!("{}/{scope}", credentials.access_key_id())),
            ("x-amz-date", format!("{seconds}Z")),
        ];
        fields.extend(token(&credentials));
        let equal = fields.iter().map(|(name, value)| json!({*name: value}));
        let bounds =
            [json!({"bucket": self.bucket}), json!(["content-length-range", 1, conditions.max_octets])];
        let policy = json!({
            "expiration": DateTime::from(now + conditions.lifetime).fmt(Format::DateTime)?,
            "conditions": equal.chain(bounds).collect::<Vec<_>>(),
        });
        let policy = STANDARD.encode(policy.to_string());
        let key = v4::generate_signing_key(
            credentials.secret_access_key(),
            now,
            &self.signer.region,
            self.signer.service,
        );
        let signature = v4::calculate_signature(key, policy.as_bytes());
        fields.extend([("policy", policy), ("x-amz-signature", signature)]);
        Ok(fields)
    }
}

/// Returns the field for the session token of temporary credentials, such as those of a function.
fn token(credentials: &Credentials) -> Option<(&'static str, String)> {
    Some(("x-amz-security-token", credentials.session_token()?.to_owned()))
}

/// Returns the settings for S3, which takes paths as they are, and requires a hash of the body.
fn settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings
}

fn operation(cloud: &Cloud, endpoint: &str) -> Operation<HttpRequest, Option<Vec<u8>>, ErrorMetadata> {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let builder = Operation::builder();
    // The SDK determines the trusted roots.
    let builder = match cloud.sdk().http_client() {
        Some(http) => builder.http_client(http),
        None => builder,
    };
    // Both calls are idempotent and can be retried.
    let builder = match cloud.sdk().retry_config() {
        Some(retries) => builder.standard_retry(retries),
        None => builder.no_retry(),
    };
    builder
        .service_name("s3")
        .operation_name("object")
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .no_auth()
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .serializer(|request: HttpRequest| Ok::<_, BoxError>(request))
        .deserializer(object)
        .build()
}

/// Parses a response of S3: an object, no object, or an error in XML.
fn object(response: &HttpResponse) -> Result<Option<Vec<u8>>, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Ok(Some(body.to_vec()));
    }
    let code = std::str::from_utf8(body).ok().and_then(aws::code_of).unwrap_or_default();
    if code == "NoSuchKey" {
        return Ok(None);
    }
    Err(OrchestratorError::operation(ErrorMetadata::builder().code(code).build()))
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uploads({})", self.bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_form_with_temporary_credentials_has_their_token_and_the_bucket() {
        let chosen = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "of-this-role"),
            ("AWS_ENDPOINT_URL", ""),
            ("UPLOADS_BUCKET", "faces"),
        ];
        let chosen = chosen.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let uploads = Uploads::new(&Cloud::of_environment_but(chosen)).expect("settings");
        let user = "01a1fc0b-e380-7334-a113-995cf691811f".parse().expect("an id");
        let lifetime = Duration::from_mins(10);

        let conditions = UploadConditions { user, content_type: "image/png", max_octets: 9, lifetime };
        let form = uploads.form(&conditions).await.expect("a form");

        assert_eq!(form.url, "https://faces.s3.eu-west-1.amazonaws.com");
        let field = |name| &form.fields.iter().find(|(field, _)| *field == name).expect(name).1;
        assert_eq!(field("x-amz-security-token"), "of-this-role");
        let policy = STANDARD.decode(field("policy")).expect("Base64");
        let policy = String::from_utf8(policy).expect("text");
        assert!(policy.contains(r#"{"x-amz-security-token":"of-this-role"}"#), "{policy}");
        assert!(policy.contains(r#"{"bucket":"faces"}"#), "{policy}");
    }
}
