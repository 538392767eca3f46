//! What Lambda calls, and the loop that lets it.

use std::{future::Future, sync::Arc, time::Duration};

use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;
use tokio::time::Instant;

use crate::{Clock, Cloud, SettingError, Shell};

/// A deployed function: an event in, an answer out. Lambda calls it through [`run`]; the laptop
/// and the tests call it themselves.
pub trait Function: Send + Sync + 'static {
    /// What it is called with.
    type Event: DeserializeOwned + Send + 'static;
    /// What it answers.
    type Answer: Serialize + Send + 'static;

    /// Prepares what the first call will need (keys, connections) while the environment starts. A
    /// failure is not fatal: the first call meets it again and answers it properly.
    fn warm(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Handles one event.
    fn call(
        &self,
        event: Self::Event,
        invocation: Invocation,
    ) -> impl Future<Output = Result<Self::Answer, Failed>> + Send;
}

/// What is known of one call besides its event.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Lambda's request id.
    pub id: String,
    /// The trace that Lambda says it is part of, as X-Ray writes it.
    pub xray: Option<String>,
    /// When the answer must be there.
    pub deadline: Deadline,
}

/// When a call must be answered.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

/// The call failed as a whole: who called is to call again. What went wrong is in the log.
#[derive(Clone, Copy, Debug, Error)]
#[error("{0}")]
pub struct Failed(pub &'static str);

impl Deadline {
    /// `time_left` from now.
    #[must_use]
    pub fn after(time_left: Duration) -> Self {
        Self(Instant::now() + time_left)
    }

    /// Lambda states a moment on the wall clock; emulators may state nonsense, which counts as the
    /// default.
    fn at(epoch_millis: u64, clock: &Clock) -> Self {
        const DEFAULT: Duration = Duration::from_secs(10);
        const LONGEST: Duration = Duration::from_mins(15);
        let now = u64::try_from(clock.now().millis()).unwrap_or(0);
        let left = epoch_millis.checked_sub(now).map(Duration::from_millis);
        Self::after(left.filter(|left| !left.is_zero() && *left <= LONGEST).unwrap_or(DEFAULT))
    }

    /// How much time is left; zero when it is over.
    #[must_use]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// Why a function does not start, or stops: Lambda starts another environment.
pub type StartFailed = lambda_runtime::Error;

/// Serves a function on Lambda until the environment ends.
///
/// # Errors
/// If a setting is missing or Lambda's runtime interface fails; the environment then starts anew.
pub fn run<F: Function>(build: impl FnOnce(&Cloud) -> Result<F, SettingError>) -> Result<(), StartFailed> {
    crate::logging::start();
    // One request at a time: one thread is all there is to use.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let cloud = Cloud::of_environment();
        let function = Arc::new(build(&cloud)?);
        let (clock, shell) = (cloud.clock(), Arc::new(Shell::of(&cloud)));
        // Concurrent with the first poll for work, so that neither waits for the other.
        let warming = Arc::clone(&function);
        tokio::spawn(async move { warming.warm().await });
        lambda_runtime::run(service_fn(move |event: LambdaEvent<F::Event>| {
            let (function, shell) = (Arc::clone(&function), Arc::clone(&shell));
            let deadline = Deadline::at(event.context.deadline, &clock);
            let (id, xray) = (event.context.request_id, event.context.xray_trace_id);
            let invocation = Invocation { id, xray, deadline };
            // Boxed: the future of a use case within those of the runtime is too deep for the compiler.
            Box::pin(async move {
                let call = function.call(event.payload, invocation.clone());
                shell.around(&invocation, call).await.map_err(|failed| failed.0)
            })
        }))
        .await
    })
}
