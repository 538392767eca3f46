//! The composition root: the only place that reads the environment, the clock and the random source, and that
//! knows the HTTP client below the AWS SDK.
//!
//! A function is wired from a [`Cloud`] and served by [`run`]. On AWS the cloud comes from the environment.
//! In the local system and in tests it has other settings, and another HTTP client below the same SDK.
//! Nothing else differs.

mod aws;
mod calls;
mod chain;
mod clock;
mod fault;
mod function;
mod line;
mod logging;
#[cfg(feature = "operator")]
mod operator;
mod sdk;
mod secret;
mod settings;
mod shell;
mod signing;
mod uploads;
mod web;
mod work;

use aws_smithy_http_client::tls;
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;

use calls::Bounded;

pub use aws::{Answer, Aws, AwsCallError};
pub use chain::chain;
pub use clock::{Clock, Random};
pub use fault::{AwsError, is_transient};
pub use function::{Deadline, Function, Invocation, InvocationError, StartFailed, run};
pub use line::{Line, Log, Metric, Unit};
pub use logging::log_to;
#[cfg(feature = "operator")]
pub use operator::OperatorError;
pub use secret::{FromSecret, SecretError, SecretVersion, StoredSecret};
pub use settings::{SettingError, Settings};
pub use shell::Shell;
pub use uploads::{UploadConditions, UploadForm, Uploads};
pub use web::{Web, WebError};
pub use work::{Answered, Units, put_answer, put_count, put_longest, put_time, put_units, put_user, timed};

/// The dependencies of a function.
#[derive(Clone, Debug)]
pub struct Cloud {
    settings: Settings,
    sdk: SdkConfig,
    retries: RetryPartition,
    web: Option<SharedHttpClient>,
    clock: Clock,
    random: Random,
    log: Log,
    secrets: secret::Secrets,
}

impl Cloud {
    /// Returns the cloud of this process, with settings, region and credentials from the environment. The
    /// credentials of a Lambda environment last as long as the environment, so no chain is searched.
    #[must_use]
    pub fn of_environment() -> Self {
        Self::of_environment_but([])
    }

    /// Returns the cloud of this process with these settings changed.
    #[must_use]
    pub fn of_environment_but(chosen: impl IntoIterator<Item = (String, String)>) -> Self {
        let settings = Settings::of_environment().but(chosen);
        let http = https(&settings);
        let cloud = Self::new(settings, http, Clock::system(), Random::system(), Log::to_output());
        Self { web: None, ..cloud }
    }

    /// Creates a cloud from its parts.
    #[must_use]
    pub fn new(settings: Settings, http: SharedHttpClient, clock: Clock, random: Random, log: Log) -> Self {
        let http = SharedHttpClient::new(Bounded(http));
        let sdk = sdk::of_settings(&settings, http.clone());
        let secrets = secret::Secrets::default();
        Self { settings, sdk, retries: retries(), web: Some(http), clock, random, log, secrets }
    }

    /// Returns a cloud with other settings, and the same account, credentials and clock.
    #[must_use]
    pub fn with_settings(&self, settings: Settings) -> Self {
        Self { settings, secrets: secret::Secrets::default(), ..self.clone() }
    }

    /// Returns this cloud with longer timeouts, for background work that reads whole pages of a table.
    #[must_use]
    pub fn patient(mut self) -> Self {
        self.sdk = sdk::patient(self.sdk);
        self
    }

    /// Returns the configuration of the AWS SDK's clients.
    #[must_use]
    pub const fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// Returns the budget of retries for all clients of this environment. It prevents long outages from
    /// tripling the load.
    #[must_use]
    pub fn retries(&self) -> RetryPartition {
        self.retries.clone()
    }

    /// Returns the client for servers outside of AWS. On AWS it is a separate client that trusts the roots of
    /// the system. It is created only when needed, because loading these roots takes time.
    pub(crate) fn web_client(&self) -> SharedHttpClient {
        let over_the_network = || {
            let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
            aws_smithy_http_client::Builder::new().tls_provider(provider).build_https()
        };
        self.web.clone().unwrap_or_else(over_the_network)
    }

    /// Returns the settings of the deployment.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Returns the log of invocations.
    #[must_use]
    pub fn log(&self) -> Log {
        self.log.clone()
    }

    /// Returns the random source.
    #[must_use]
    pub fn random(&self) -> Random {
        self.random.clone()
    }
}

/// The roots of Amazon Trust Services, all five as it recommends. Every endpoint of AWS chains to one.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");

/// Returns Amazon's roots; `None` for those of the system, if `SSL_CERT_FILE` or `SSL_CERT_DIR` is set.
fn trusted(settings: &Settings) -> Option<tls::TlsContext> {
    if ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| settings.optional(name).is_some()) {
        return None;
    }
    let roots = tls::TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    tls::TlsContext::builder().with_trust_store(roots).build().ok()
}

/// Creates a client for the endpoints of AWS.
fn https(settings: &Settings) -> SharedHttpClient {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc));
    // Without these roots, each SDK client would load the more than a hundred of the system.
    match trusted(settings) {
        Some(context) => http.tls_context(context).build_https(),
        None => http.build_https(),
    }
}

/// A retry takes 5 tokens, or 10 after a timeout. A call that succeeds on the first attempt returns one.
const RETRY_TOKENS: usize = 100;

fn retries() -> RetryPartition {
    RetryPartition::custom("gatepost").token_bucket(TokenBucket::new(RETRY_TOKENS)).build()
}
