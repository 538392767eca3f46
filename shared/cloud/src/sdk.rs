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
use aws_smithy_runtime_api::client::{
    http::SharedHttpClient, stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::SdkConfig;

use crate::Settings;

/// The timeout of one attempt, after which the call is retried.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// The timeout of all attempts of a call. A function responds within 10 seconds.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(6);
/// The timeouts for slow connections.
const PATIENT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
const PATIENT_OPERATION_TIMEOUT: Duration = Duration::from_mins(2);
/// The highest pause before the second attempt. The highest pause before the third is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Returns a loader with the retries, timeouts and HTTP client of every process.
pub(crate) fn loader(http: SharedHttpClient) -> ConfigLoader {
    let retries = RetryConfig::standard().with_initial_backoff(FIRST_PAUSE).with_max_backoff(LONGEST_PAUSE);
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(retries)
        .timeout_config(timeouts(ATTEMPT_TIMEOUT, OPERATION_TIMEOUT))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .http_client(http)
}

/// Returns the configuration of a function. The settings are complete, so no file, metadata endpoint or other
/// variable is read.
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

/// Loads without waiting: a loader with complete settings is ready at the first poll.
fn loaded(loader: ConfigLoader) -> SdkConfig {
    // Tokio may make a long-running task yield, which must not happen here.
    let loading = pin!(tokio::task::unconstrained(loader.load()));
    match loading.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(sdk) => sdk,
        Poll::Pending => unreachable!("the loader waits although its settings are complete"),
    }
}

/// Returns the configuration with longer timeouts, which alone decide when a call has failed. A page of a large data
/// folder can take longer than the SDK's own check of stalled streams allows.
pub(crate) fn patient(sdk: SdkConfig) -> SdkConfig {
    let timeouts = timeouts(PATIENT_ATTEMPT_TIMEOUT, PATIENT_OPERATION_TIMEOUT);
    let unchecked = StalledStreamProtectionConfig::disabled();
    sdk.into_builder().timeout_config(timeouts).stalled_stream_protection(unchecked).build()
}

fn timeouts(attempt: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation)
        .build()
}
