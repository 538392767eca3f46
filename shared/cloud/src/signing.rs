//! Signatures for requests to AWS that are sent without an SDK client.

use std::time::{Duration, SystemTime};

use aws_credential_types::{Credentials, provider::ProvideCredentials};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::{box_error::BoxError, client::orchestrator::HttpRequest};
use aws_smithy_types::body::SdkBody;

use crate::{Clock, Cloud};

/// Signs with the credentials of this process.
pub(crate) struct Signer {
    sdk: aws_types::SdkConfig,
    clock: Clock,
    /// The region of the service.
    pub(crate) region: String,
    /// The name of the service in IAM.
    pub(crate) service: &'static str,
    settings: fn() -> SigningSettings,
}

/// A request before it is signed.
pub(crate) struct Unsigned<'a> {
    pub(crate) method: &'static str,
    /// The URL up to the path.
    pub(crate) endpoint: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a str,
}

impl Signer {
    pub(crate) fn new(cloud: &Cloud, service: &'static str, settings: fn() -> SigningSettings) -> Self {
        let region = cloud.sdk().region().map(ToString::to_string).unwrap_or_default();
        Self { sdk: cloud.sdk().clone(), clock: cloud.clock(), region, service, settings }
    }

    pub(crate) async fn credentials(&self) -> Result<Credentials, BoxError> {
        let provider = self.sdk.credentials_provider().ok_or("no credentials")?;
        Ok(provider.provide_credentials().await?)
    }

    pub(crate) fn now(&self) -> Result<SystemTime, BoxError> {
        Ok(SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(self.clock.now().millis())?))
    }

    pub(crate) async fn signed(&self, request: Unsigned<'_>) -> Result<HttpRequest, BoxError> {
        let Unsigned { method, endpoint, path, headers, body } = request;
        let identity = self.credentials().await?.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(self.now()?)
            .settings((self.settings)())
            .build()?
            .into();
        let uri = format!("{endpoint}{path}");
        let signable =
            SignableRequest::new(method, uri, headers.iter().copied(), SignableBody::Bytes(body.as_bytes()))?;
        let (signature, _) = sign(signable, &parameters)?.into_parts();
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(method)?;
        request.set_uri(path)?;
        for (name, value) in headers.iter().copied().chain(signature.headers()) {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        Ok(request)
    }
}
