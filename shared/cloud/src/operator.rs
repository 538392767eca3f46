//! The cloud of an operator, with the credentials of the AWS CLI and the SDKs.

use std::time::Duration;

use aws_config::{Region, profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig};
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use thiserror::Error;
use tokio::sync::Mutex;

use crate::{Clock, Cloud, Log, Random, Settings, chain, https, retries, sdk, secret::Secrets};

/// Credentials are renewed this long before they expire.
const RENEWED_BEFORE: Duration = Duration::from_mins(1);

/// The default chain has found no usable account.
#[derive(Debug, Error)]
pub enum OperatorError {
    /// No option, variable or profile names a region.
    #[error("no AWS region found: pass --region, or set a region in the profile")]
    NoRegion,
    /// No source has credentials.
    #[error("no AWS credentials found: pass --profile, or run `aws sso login` or `aws configure`")]
    NoCredentials,
    /// The session of IAM Identity Center has expired.
    #[error("the SSO session has expired: run `aws sso login`, with the same --profile")]
    SessionExpired,
    /// The profile in the option does not exist or has no credentials.
    #[error("the profile {0} has no AWS credentials: check --profile, or configure it")]
    NoProfile(String),
    /// A source of credentials failed.
    #[error("cannot load AWS credentials: {0}")]
    Unusable(String),
}

/// Credentials that are fetched once, so that a second factor is asked for once.
#[derive(Debug)]
struct Kept {
    provider: SharedCredentialsProvider,
    clock: Clock,
    fetched: Mutex<Option<Credentials>>,
}

impl Cloud {
    /// Searches the default chain for credentials and a region: environment, profile (static keys, SSO,
    /// `credential_process`, assumed roles), web identity, container and instance metadata.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn of_operator(profile: Option<&str>, region: Option<&str>) -> Result<Self, OperatorError> {
        let http = https(&Settings::of_environment());
        let mut loader = sdk::loader(http.clone());
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_owned()));
        }
        let sdk = loader.load().await;
        let provider = match profile {
            Some(profile) => Some(of_profile(profile, http, &sdk)),
            None => sdk.credentials_provider(),
        };
        let clock = Clock::system();
        let provider = provider.ok_or(OperatorError::NoCredentials)?;
        let kept = Kept { provider, clock: clock.clone(), fetched: Mutex::default() };
        kept.current().await.map_err(|error| match (error, profile) {
            (CredentialsError::CredentialsNotLoaded(_), Some(profile)) => {
                OperatorError::NoProfile(profile.to_owned())
            }
            (error, _) => error.into(),
        })?;
        if sdk.region().is_none() {
            return Err(OperatorError::NoRegion);
        }
        Ok(Self {
            sdk: sdk.into_builder().credentials_provider(SharedCredentialsProvider::new(kept)).build(),
            settings: Settings::default(),
            retries: retries(),
            web: None,
            clock,
            random: Random::system(),
            log: Log::to_output(),
            secrets: Secrets::default(),
        })
    }
}

/// Returns the credentials of the profile in an option, which takes precedence over the environment.
fn of_profile(profile: &str, http: SharedHttpClient, sdk: &SdkConfig) -> SharedCredentialsProvider {
    let config = ProviderConfig::without_region().with_http_client(http).with_region(sdk.region().cloned());
    let provider = ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&config).build();
    SharedCredentialsProvider::new(provider)
}

impl Kept {
    async fn current(&self) -> provider::Result {
        let mut kept = self.fetched.lock().await;
        if let Some(credentials) = kept.as_ref().filter(|credentials| self.is_good(credentials)) {
            return Ok(credentials.clone());
        }
        let credentials = self.provider.provide_credentials().await?;
        *kept = Some(credentials.clone());
        Ok(credentials)
    }

    fn is_good(&self, credentials: &Credentials) -> bool {
        let now = Duration::from_millis(u64::try_from(self.clock.now().millis()).unwrap_or_default());
        credentials.expiry().is_none_or(|expiry| {
            expiry
                .duration_since(std::time::SystemTime::UNIX_EPOCH)
                .is_ok_and(|end| now + RENEWED_BEFORE < end)
        })
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.current())
    }
}

impl From<CredentialsError> for OperatorError {
    fn from(error: CredentialsError) -> Self {
        let said = chain(&error);
        match error {
            CredentialsError::CredentialsNotLoaded(_) => Self::NoCredentials,
            _ if said.contains("SSO token has expired") => Self::SessionExpired,
            _ => Self::Unusable(said),
        }
    }
}
