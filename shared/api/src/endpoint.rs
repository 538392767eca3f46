//! A use case, served.

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use cloud::{Clock, Cloud, Failed, Function, Invocation, SettingError, chain};
use futures_util::FutureExt;
use serde::de::DeserializeOwned;
use tracing::{error, info};

use crate::{
    Answer, Caller, GatewayAnswer, GatewayEvent, Head, Method, Problem, ProblemType, Route, answer::Reply,
    body,
};

/// One thing that somebody can do.
pub trait UseCase: Send + Sync + 'static {
    /// Where it is reached; the template has the same.
    const ROUTES: &'static [Route];
    /// Who may call it.
    type Caller: Caller;
    /// What it takes; [`crate::Nothing`] for a request without a body.
    type Request: DeserializeOwned + Send;
    /// What it answers when it succeeds.
    type Response: Answer;
    /// Why it may refuse. Each refusal is one problem; its sources are for the log.
    type Refusal: std::error::Error + Into<Problem> + Send;

    /// What checks the caller.
    fn gate(&self) -> &<Self::Caller as Caller>::Gate;

    /// Prepares what the first request will need.
    fn warm(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Does it.
    fn run(
        &self,
        caller: Self::Caller,
        request: Self::Request,
    ) -> impl Future<Output = Result<Self::Response, Self::Refusal>> + Send;
}

/// Kept back from the deadline, so that a request that takes too long is still answered.
const TIME_TO_ANSWER: Duration = Duration::from_millis(250);

/// Serves a use case to API Gateway.
pub struct Endpoint<U> {
    use_case: U,
    issuer: String,
    clock: Clock,
}

impl<U: UseCase> Endpoint<U> {
    /// Serves `use_case`; the setting `ISSUER` is the base of problem types.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn new(cloud: &Cloud, use_case: U) -> Result<Self, SettingError> {
        Ok(Self { use_case, issuer: cloud.settings().text("ISSUER")?, clock: cloud.clock() })
    }

    /// Where it is reached.
    #[must_use]
    pub const fn routes() -> &'static [Route] {
        U::ROUTES
    }

    async fn answer(&self, mut event: GatewayEvent, head: Head) -> Result<Reply, Problem> {
        let (body, is_base64) = (event.body.take(), event.is_base64_encoded);
        let caller = U::Caller::admit(self.use_case.gate(), head.clone(), self.clock.now()).await?;
        let request = if takes_body::<U>() { body::parse(&head, body, is_base64)? } else { body::none()? };
        match self.use_case.run(caller, request).await {
            Ok(response) => Ok(response.into_reply()),
            Err(refusal) => {
                let chain = chain(&refusal);
                let problem = refusal.into();
                if problem.kind().status() >= 500 {
                    error!(correlation_id = head.trace.correlation_id, cause = chain, "refused by a failure");
                }
                Err(problem)
            }
        }
    }
}

impl<U: UseCase> Function for Endpoint<U> {
    type Event = GatewayEvent;
    type Answer = GatewayAnswer;

    async fn warm(&self) {
        let _ = tokio::join!(self.use_case.warm(), U::Caller::warm(self.use_case.gate()));
    }

    async fn call(&self, mut event: GatewayEvent, invocation: Invocation) -> Result<GatewayAnswer, Failed> {
        let started = self.clock.now();
        let head = Head::of(&mut event, &invocation.id);
        let (method, path) = (head.method.clone(), head.path.clone());
        let correlation_id = head.trace.correlation_id.clone();
        // One request's panic is its own 500: the environment serves the next one.
        let served = AssertUnwindSafe(self.answer(event, head)).catch_unwind();
        let time = invocation.deadline.left().saturating_sub(TIME_TO_ANSWER);
        let outcome = match tokio::time::timeout(time, served).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_panic)) => Err(Problem::of(ProblemType::InternalError)),
            Err(_elapsed) => Err(Problem::unavailable()),
        };
        let problem = outcome.as_ref().err().map(|problem| problem.kind().slug());
        let reply = outcome.unwrap_or_else(|problem| problem.into_reply(&self.issuer, &correlation_id));
        let milliseconds = self.clock.now().since(started).as_millis();
        info!(
            method,
            route = routed::<U>(&path),
            status = reply.status,
            problem,
            milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX),
            correlation_id,
            "answered"
        );
        Ok(reply.into_gateway(correlation_id))
    }
}

/// Only what makes or ends something has a body.
fn takes_body<U: UseCase>() -> bool {
    U::ROUTES.iter().any(|route| matches!(route.method, Method::Post | Method::Delete))
}

/// The route is logged, never the path itself: what no route takes is the sender's own text.
fn routed<U: UseCase>(path: &str) -> &'static str {
    U::ROUTES.iter().find(|route| route.path == path).or(U::ROUTES.first()).map_or("", |route| route.path)
}
