//! The configuration of the AWS SDK.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_credential_types::Credentials;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::SdkConfig;

use crate::Settings;

/// One attempt may take this long before it is given up and tried again.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// All attempts of one call together; a function answers within 10 s.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(6);
/// The same where the far end of a slow line may be reached.
const PATIENT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
const PATIENT_OPERATION_TIMEOUT: Duration = Duration::from_mins(2);
/// The pauses before a second and a third attempt are anything up to this and twice this.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A loader with the retries, time-outs and HTTP client of every process.
pub(crate) fn loader(http: SharedHttpClient) -> ConfigLoader {
    let retries = RetryConfig::standard().with_initial_backoff(FIRST_PAUSE).with_max_backoff(LONGEST_PAUSE);
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(retries)
        .timeout_config(timeouts(ATTEMPT_TIMEOUT, OPERATION_TIMEOUT))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .http_client(http)
}

/// Returns the configuration of a function. The settings have everything, so no file, no metadata endpoint and no
/// other variable is read.
pub(crate) fn of_settings(settings: &Settings, http: SharedHttpClient) -> SdkConfig {
    let setting = |name| settings.optional(name).unwrap_or_default().to_owned();
    let credentials = Credentials::new(
        setting("AWS_ACCESS_KEY_ID"),
        setting("AWS_SECRET_ACCESS_KEY"),
        settings.optional("AWS_SESSION_TOKEN").map(str::to_owned),
        None,
        "environment",
    );
    let no_profiles = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, "").build();
    let mut loader = loader(http)
        // Hides the environment of the process from the loader.
        .empty_test_environment()
        .profile_files(no_profiles)
        .region(Region::new(setting("AWS_REGION")))
        .credentials_provider(credentials);
    if let Some(endpoint) = settings.optional("AWS_ENDPOINT_URL") {
        loader = loader.endpoint_url(endpoint);
    }
    loaded(loader)
}

/// Loads without waiting: a loader that searches for nothing is ready when it is first polled.
fn loaded(loader: ConfigLoader) -> SdkConfig {
    // Tokio may make a task that has run for long yield; this one must not.
    let loading = pin!(tokio::task::unconstrained(loader.load()));
    match loading.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(sdk) => sdk,
        Poll::Pending => unreachable!("the loader was given everything and still waits"),
    }
}

/// The configuration with longer time-outs.
pub(crate) fn patient(sdk: SdkConfig) -> SdkConfig {
    let timeouts = timeouts(PATIENT_ATTEMPT_TIMEOUT, PATIENT_OPERATION_TIMEOUT);
    sdk.into_builder().timeout_config(timeouts).build()
}

fn timeouts(attempt: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation)
        .build()
}
