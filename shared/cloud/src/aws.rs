//! Requests to AWS about the deployment, for operators. They are signed here, since the SDK clients of these
//! services would slow down the build.

use std::{fmt, time::Duration};

use aws_sigv4::http_request::SigningSettings;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        behavior_version::BehaviorVersion,
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        result::SdkError,
        stalled_stream_protection::StalledStreamProtectionConfig,
    },
};
use aws_smithy_types::{DateTime, date_time::Format, timeout::TimeoutConfig};
use domain::Timestamp;
use serde_json::Value;
use thiserror::Error;

use crate::{
    Cloud,
    signing::{Signer, Unsigned},
};

/// The timeout of a request.
const TIME: Duration = Duration::from_secs(10);

/// A service of AWS, called without an SDK client.
pub struct Aws {
    operation: Operation<HttpRequest, Answer, AwsCallError>,
    endpoint: String,
    signer: Signer,
}

/// The response of a service.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The body.
    pub text: String,
    /// The time of the service's clock, in seconds.
    pub date: Option<Timestamp>,
}

/// The reason for a missing response.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AwsCallError {
    /// The service refused, with an error code of AWS such as `AccessDeniedException`.
    #[error("{0}")]
    Refused(String),
    /// There was no response, or a malformed one.
    #[error("no response")]
    Unreachable,
}

impl Aws {
    /// Creates a client of the service at `{host}.{region}.amazonaws.com`, or at the SDK's endpoint. Requests
    /// are signed for the service's name in IAM.
    #[must_use]
    pub fn new(cloud: &Cloud, host: &str, signing_name: &'static str) -> Self {
        let signer = Signer::new(cloud, signing_name, SigningSettings::default);
        let elsewhere = cloud.sdk().endpoint_url().map(str::to_owned);
        let endpoint = elsewhere.unwrap_or_else(|| endpoint(host, &signer.region));
        let builder = Operation::builder();
        // The SDK determines the trusted roots.
        let builder = match cloud.sdk().http_client() {
            Some(http) => builder.http_client(http),
            None => builder,
        };
        let operation = builder
            .service_name("aws")
            .operation_name("describe")
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&endpoint)
            .no_auth()
            .no_retry()
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .timeout_config(TimeoutConfig::builder().operation_timeout(TIME).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .serializer(|request: HttpRequest| Ok::<_, BoxError>(request))
            .deserializer(answer)
            .build();
        Self { operation, endpoint, signer }
    }

    /// Sends `GET path`, which may have a query.
    ///
    /// # Errors
    /// [`AwsCallError`].
    pub async fn get(&self, path: &str) -> Result<Answer, AwsCallError> {
        self.ask("GET", path, &[], "").await
    }

    /// Sends `GET path` and parses the response as JSON.
    ///
    /// # Errors
    /// [`AwsCallError`].
    pub async fn get_json(&self, path: &str) -> Result<Value, AwsCallError> {
        self.get(path).await.and_then(|answer| json(&answer))
    }

    /// Calls an operation of AWS's JSON protocols, e.g. `AWSEvents.DescribeRule`.
    ///
    /// # Errors
    /// [`AwsCallError`].
    pub async fn call(&self, operation: &str, request: &Value) -> Result<Value, AwsCallError> {
        let version =
            if operation.starts_with("AWSEvents") || operation.starts_with("Logs") { "1.1" } else { "1.0" };
        let kind = format!("application/x-amz-json-{version}");
        let headers = [("content-type", kind.as_str()), ("x-amz-target", operation)];
        self.ask("POST", "/", &headers, &request.to_string()).await.and_then(|answer| json(&answer))
    }

    async fn ask(
        &self,
        method: &'static str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, AwsCallError> {
        let request = Unsigned { method, endpoint: &self.endpoint, path, headers, body };
        let request = self.signer.signed(request).await.map_err(|_| AwsCallError::Unreachable)?;
        let outcome = self.operation.invoke(request).await;
        outcome.map_err(|error| match error {
            SdkError::ServiceError(refused) => refused.into_err(),
            _ => AwsCallError::Unreachable,
        })
    }
}

/// Returns the endpoint of a service of AWS.
pub(crate) fn endpoint(host: &str, region: &str) -> String {
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://{host}.{region}.amazonaws.com{suffix}")
}

fn answer(response: &HttpResponse) -> Result<Answer, OrchestratorError<AwsCallError>> {
    let body = response.body().bytes().and_then(|body| String::from_utf8(body.to_vec()).ok());
    let text = body.ok_or_else(|| OrchestratorError::operation(AwsCallError::Unreachable))?;
    if response.status().is_success() {
        return Ok(Answer { text, date: response.headers().get("date").and_then(moment) });
    }
    let code = response.headers().get("x-amzn-errortype").map(str::to_owned).or_else(|| code_of(&text));
    let code = code.unwrap_or_else(|| format!("status {}", response.status().as_u16()));
    Err(OrchestratorError::operation(AwsCallError::Refused(bare(&code).to_owned())))
}

/// Parses an HTTP date.
fn moment(text: &str) -> Option<Timestamp> {
    let date = DateTime::from_str(text, Format::HttpDate).ok()?;
    date.to_millis().ok().map(Timestamp::from_millis)
}

/// Returns the error code in a body of JSON or XML.
pub(crate) fn code_of(body: &str) -> Option<String> {
    if let Ok(json) = serde_json::from_str::<Value>(body) {
        return ["__type", "code", "Code"].iter().find_map(|name| json[name].as_str().map(str::to_owned));
    }
    Some(body.split_once("<Code>")?.1.split_once("</Code>")?.0.to_owned())
}

/// Removes the namespace and the link around a code: `namespace#Code:link`.
fn bare(code: &str) -> &str {
    let code = code.rsplit('#').next().unwrap_or(code);
    code.split(':').next().unwrap_or(code)
}

fn json(answer: &Answer) -> Result<Value, AwsCallError> {
    serde_json::from_str(&answer.text).map_err(|_| AwsCallError::Unreachable)
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aws({})", self.signer.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_are_found_in_every_format() {
        for (body, code) in [
            (r#"{"__type":"com.amazonaws.dynamodb#ResourceNotFoundException"}"#, "ResourceNotFoundException"),
            (r#"{"__type":"AccessDeniedException:http://x"}"#, "AccessDeniedException"),
            (r#"{"Code":"NotFoundException"}"#, "NotFoundException"),
            ("<ErrorResponse><Error><Code>ValidationError</Code></Error></ErrorResponse>", "ValidationError"),
        ] {
            assert_eq!(code_of(body).as_deref().map(bare), Some(code), "{body}");
        }
        assert_eq!(code_of("nonsense"), None);
    }
}
