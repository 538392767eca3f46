//! What people upload, the newest of each user: to a bucket of S3, by forms that are signed here, and read from there. The two calls
//! that it takes are not worth the build of an SDK client, which signs no forms either.

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
    Cloud, Fault, SettingError, aws,
    signing::{Signer, Unsigned},
};

/// All attempts of one call together; one of them, of a few megabytes.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(7);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// The bucket that people upload to.
pub struct Uploads {
    operation: Operation<HttpRequest, Option<Vec<u8>>, ErrorMetadata>,
    signer: Signer,
    bucket: String,
    endpoint: String,
    /// Where the bucket is, at the endpoint.
    path: String,
}

/// What may be uploaded by a form.
#[derive(Clone, Debug)]
pub struct UploadConditions<'a> {
    /// By whom. What they have uploaded before is replaced.
    pub user: UserId,
    /// Of which media type.
    pub content_type: &'a str,
    /// Up to how many octets.
    pub max_octets: u64,
    /// For how long.
    pub lifetime: Duration,
}

/// A form that may be posted as `multipart/form-data` to `url`: these fields, and after them the `file`.
#[derive(Clone, Debug)]
pub struct UploadForm {
    /// Where to.
    pub url: String,
    /// By name.
    pub fields: Vec<(&'static str, String)>,
}

impl Uploads {
    /// The bucket that the setting `UPLOADS_BUCKET` names; at `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`, if one of
    /// them says where S3 is.
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

    /// A form by which exactly this may be uploaded.
    ///
    /// # Errors
    /// [`Fault::Final`] if it cannot be signed: there are no credentials.
    pub async fn form(&self, conditions: &UploadConditions<'_>) -> Result<UploadForm, Fault> {
        let fields = self.fields(conditions).await.map_err(|_| Fault::unmade())?;
        Ok(UploadForm { url: format!("{}{}", self.endpoint, self.path), fields })
    }

    /// What a user has uploaded, if it is there.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn read(&self, user: UserId) -> Result<Option<Vec<u8>>, Fault> {
        self.call("GET", user).await
    }

    /// Deletes what a user has uploaded, if it is there.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn delete(&self, user: UserId) -> Result<(), Fault> {
        self.call("DELETE", user).await.map(drop)
    }

    async fn call(&self, method: &'static str, user: UserId) -> Result<Option<Vec<u8>>, Fault> {
        let path = format!("{}/{user}", self.path);
        let request = Unsigned { method, endpoint: &self.endpoint, path: &path, headers: &[], body: "" };
        let request = self.signer.signed(request).await.map_err(|_| Fault::unmade())?;
        self.operation.invoke(request).await.map_err(|error| Fault::of(&error))
    }

    /// The policy says what S3 is to take, the signature that we say so: "Browser-Based Uploads Using POST
    /// (AWS Signature Version 4)" of the S3 API reference.
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

/// Of credentials that last for a while, as a function's do.
fn token(credentials: &Credentials) -> Option<(&'static str, String)> {
    Some(("x-amz-security-token", credentials.session_token()?.to_owned()))
}

/// S3 takes paths as they are, and wants to know what the body is.
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
    // Whom to trust is the SDK's matter.
    let builder = match cloud.sdk().http_client() {
        Some(http) => builder.http_client(http),
        None => builder,
    };
    // Both calls may be made twice.
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

/// What S3 answers: an object, nothing, or an error in XML.
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
    async fn a_form_of_credentials_that_last_for_a_while_has_their_token_and_leads_to_the_bucket() {
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
