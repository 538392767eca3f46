//! Lambda functions, and the loop that serves them.

use std::{future::Future, sync::Arc, time::Duration};

use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;
use tokio::time::Instant;

use crate::{Clock, Cloud, SettingError, Shell};

/// A deployed function from an event to a response. Lambda calls it through [`run`]; the local system and the
/// tests call it directly.
pub trait Function: Send + Sync + 'static {
    /// The event.
    type Event: DeserializeOwned + Send + 'static;
    /// The response.
    type Answer: Serialize + Send + 'static;

    /// Prepares keys and connections for the first call while the environment starts. A failure is not fatal:
    /// it occurs again at the first call, which reports it.
    fn warm(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Handles one event.
    fn call(
        &self,
        event: Self::Event,
        invocation: Invocation,
    ) -> impl Future<Output = Result<Self::Answer, InvocationError>> + Send;
}

/// The metadata of a call.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Lambda's request id.
    pub id: String,
    /// The trace of the call in the format of X-Ray.
    pub xray: Option<String>,
    /// The time by which the response is due.
    pub deadline: Deadline,
}

/// The time by which a call must return.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

/// The call failed as a whole and can be retried. The cause is in the log.
#[derive(Clone, Copy, Debug, Error)]
#[error("{0}")]
pub struct InvocationError(pub &'static str);

impl Deadline {
    /// Creates the deadline `time_left` from now.
    #[must_use]
    pub fn after(time_left: Duration) -> Self {
        Self(Instant::now() + time_left)
    }

    /// Creates the deadline from Lambda's wall-clock time. Emulators may pass nonsense, which is replaced by
    /// the default.
    fn at(epoch_millis: u64, clock: &Clock) -> Self {
        const DEFAULT: Duration = Duration::from_secs(10);
        const LONGEST: Duration = Duration::from_mins(15);
        let now = u64::try_from(clock.now().millis()).unwrap_or(0);
        let left = epoch_millis.checked_sub(now).map(Duration::from_millis);
        Self::after(left.filter(|left| !left.is_zero() && *left <= LONGEST).unwrap_or(DEFAULT))
    }

    /// Returns the remaining time; zero after the deadline.
    #[must_use]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// The reason why a function cannot start, or stops. Lambda starts another environment.
pub type StartFailed = lambda_runtime::Error;

/// Serves a function on Lambda until the environment ends.
///
/// # Errors
/// If a setting is missing, or Lambda's runtime interface fails. Lambda then starts another environment.
pub fn run<F: Function>(build: impl FnOnce(&Cloud) -> Result<F, SettingError>) -> Result<(), StartFailed> {
    crate::logging::start();
    // One thread, since an environment serves one request at a time.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let cloud = Cloud::of_environment();
        let function = Arc::new(build(&cloud)?);
        let (clock, shell) = (cloud.clock(), Arc::new(Shell::of(&cloud)));
        // Concurrent with the first poll, so that neither waits for the other.
        let warming = Arc::clone(&function);
        tokio::spawn(async move { warming.warm().await });
        lambda_runtime::run(service_fn(move |event: LambdaEvent<F::Event>| {
            let (function, shell) = (Arc::clone(&function), Arc::clone(&shell));
            let deadline = Deadline::at(event.context.deadline, &clock);
            let (id, xray) = (event.context.request_id, event.context.xray_trace_id);
            let invocation = Invocation { id, xray, deadline };
            // Boxed, because the nested futures of use case and runtime are too deep for the compiler.
            Box::pin(async move {
                let call = function.call(event.payload, invocation.clone());
                shell.around(&invocation, call).await.map_err(|failed| failed.0)
            })
        }))
        .await
    })
}
