//! The composition root: the only place that reads the environment, the clock and the random
//! source, and that knows what is under the AWS SDK.
//!
//! A function is wired from a [`Cloud`] and served by [`run`]. On AWS the cloud is made of the
//! environment; on a laptop and in tests it is made of settings and another HTTP client under the
//! same SDK. Nothing else differs.

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

pub use aws::{Answer, Aws, NotAnswered};
pub use chain::chain;
pub use clock::{Clock, Random};
pub use fault::{Fault, is_transient};
pub use function::{Deadline, Failed, Function, Invocation, StartFailed, run};
pub use line::{Line, Log, Metric, Unit};
pub use logging::log_to;
#[cfg(feature = "operator")]
pub use operator::OperatorError;
pub use secret::{FromSecret, SecretUnavailable, SecretVersion, StoredSecret};
pub use settings::{SettingError, Settings};
pub use shell::Shell;
pub use uploads::{UploadConditions, UploadForm, Uploads};
pub use web::{Unanswered, Web};
pub use work::{Answered, Units, put_answer, put_count, put_longest, put_time, put_units, put_user, timed};

/// What a function is wired from.
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
    /// The cloud that this process runs in: settings, region and credentials from the environment.
    /// The credentials of a Lambda environment last as long as it does, so no chain is searched.
    #[must_use]
    pub fn of_environment() -> Self {
        Self::of_environment_but([])
    }

    /// The cloud that this process runs in, where these settings are chosen otherwise.
    #[must_use]
    pub fn of_environment_but(chosen: impl IntoIterator<Item = (String, String)>) -> Self {
        let settings = Settings::of_environment().but(chosen);
        let http = https(&settings);
        let cloud = Self::new(settings, http, Clock::system(), Random::system(), Log::to_output());
        Self { web: None, ..cloud }
    }

    /// A cloud of these parts.
    #[must_use]
    pub fn new(settings: Settings, http: SharedHttpClient, clock: Clock, random: Random, log: Log) -> Self {
        let http = SharedHttpClient::new(Bounded(http));
        let sdk = sdk::of_settings(&settings, http.clone());
        let secrets = secret::Secrets::default();
        Self { settings, sdk, retries: retries(), web: Some(http), clock, random, log, secrets }
    }

    /// The same account, credentials and clock with other settings.
    #[must_use]
    pub fn with_settings(&self, settings: Settings) -> Self {
        Self { settings, secrets: secret::Secrets::default(), ..self.clone() }
    }

    /// This cloud, for work that nobody waits for: a call, of whole pages of a table, may take its time.
    #[must_use]
    pub fn patient(mut self) -> Self {
        self.sdk = sdk::patient(self.sdk);
        self
    }

    /// What the AWS SDK's clients are made of.
    #[must_use]
    pub const fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// What the retries of all clients of this environment are paid from, so that whoever is in trouble is
    /// not asked three times as often for long.
    #[must_use]
    pub fn retries(&self) -> RetryPartition {
        self.retries.clone()
    }

    /// The client for servers that are not AWS's. On AWS it is one of its own, which trusts whom the
    /// system trusts, and is made for who needs it only: reading all these roots takes its time.
    pub(crate) fn web_client(&self) -> SharedHttpClient {
        let over_the_network = || {
            let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
            aws_smithy_http_client::Builder::new().tls_provider(provider).build_https()
        };
        self.web.clone().unwrap_or_else(over_the_network)
    }

    /// What the deployment has set.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Where the lines of invocations go.
    #[must_use]
    pub fn log(&self) -> Log {
        self.log.clone()
    }

    /// The random source.
    #[must_use]
    pub fn random(&self) -> Random {
        self.random.clone()
    }
}

/// The roots of Amazon Trust Services, all five as it recommends: every endpoint of AWS chains to one.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");

/// Whom to trust: Amazon's own roots; the system's, if `SSL_CERT_FILE` or `SSL_CERT_DIR` say where others are.
fn trusted(settings: &Settings) -> Option<tls::TlsContext> {
    if ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| settings.optional(name).is_some()) {
        return None;
    }
    let roots = tls::TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    tls::TlsContext::builder().with_trust_store(roots).build().ok()
}

/// A client for the endpoints of AWS.
fn https(settings: &Settings) -> SharedHttpClient {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc));
    // Without these roots the SDK reads the system's, more than a hundred, anew for each client.
    match trusted(settings) {
        Some(context) => http.tls_context(context).build_https(),
        None => http.build_https(),
    }
}

/// A retry takes 5 of these, and 10 if there was no answer; each call that succeeds at once gives one
/// back.
const RETRY_TOKENS: usize = 100;

fn retries() -> RetryPartition {
    RetryPartition::custom("gatepost").token_bucket(TokenBucket::new(RETRY_TOKENS)).build()
}
