//! The frame that serves a use case.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use cloud::{
    Answered, Clock, Cloud, FromSecret, Function, Invocation, InvocationError, Random, SettingError,
};
use domain::{CanonicalEmail, UserId};
use futures_util::FutureExt;
use lambda_http::{aws_lambda_events::apigw::ApiGatewayV2httpResponse, request::LambdaRequest};
use store::Identities;
use tokens::LogKey;

use crate::{
    Admission, Anonymous, Answer, Caller, Error, Head, Input, Problem, ProblemType, Route, Trace,
    admission::AdmissionError,
    answer::{self, Reply},
    head::HEAD,
    idempotency::IdempotencyStore,
    input::Parts,
    request::{self, ApiRequest},
    stored_response::{IdempotencyKey, Replay},
};

/// One operation of the API.
pub trait UseCase: Send + Sync + 'static {
    /// The routes, as in the template.
    const ROUTES: &'static [Route];
    /// The caller, whose type determines who may call.
    type Caller: Caller;
    /// The request: a [`crate::Body`], a [`crate::Query`], a [`crate::Path`], two of them, or [`crate::Nothing`].
    type Request: Input;
    /// The response to a successful request.
    type Response: Answer;
    /// The problems that the use case returns, besides internal failures.
    const PROBLEMS: &'static [ProblemType];
    /// Whether requests contain a password. If so, comparisons with stored requests are limited: otherwise an
    /// attacker who knows an idempotency key could guess the password.
    const TAKES_PASSWORD: bool = false;
    /// Whether refusals have the form of RFC 6749 instead of problems.
    const IS_OAUTH: bool = false;

    /// Prepares the first request.
    fn warm(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Returns the address in an anonymous request. The log line of a refused request has its keyed hash.
    fn address(_request: &Self::Request) -> Option<CanonicalEmail> {
        None
    }

    /// Serves a request. Internal failures are logged by the endpoint.
    fn run(
        &self,
        caller: Self::Caller,
        request: Self::Request,
    ) -> impl Future<Output = Result<Self::Response, Error>> + Send;
}

/// Kept back from the deadline for the response to a request that takes too long.
const TIME_TO_ANSWER: Duration = Duration::from_millis(250);
/// After this time the line is logged without hashes, so that the response is not delayed.
const TIME_TO_HASH: Duration = Duration::from_millis(150);

/// Serves a use case to API Gateway.
pub struct Endpoint<U: UseCase> {
    use_case: U,
    gate: <U::Caller as Caller>::Gate,
    receipts: Option<IdempotencyStore>,
    log_key: Option<FromSecret<LogKey>>,
    issuer: String,
    clock: Clock,
    random: Random,
}

impl<U: UseCase> Endpoint<U> {
    /// Creates the endpoint of `use_case`. Its callers and stored responses are in `identities`. The setting
    /// `ISSUER` is the base of problem types. A function with the setting `CREDENTIALS_SECRET` logs keyed
    /// hashes of the address and the source of refused requests.
    ///
    /// # Errors
    /// If a setting is missing.
    pub fn new(cloud: &Cloud, identities: Identities, use_case: U) -> Result<Self, SettingError> {
        let gate = U::Caller::gate(cloud, &identities)?;
        let receipts = if has_changing(U::ROUTES) {
            Some(IdempotencyStore::new(cloud, identities, U::TAKES_PASSWORD)?)
        } else {
            None
        };
        Self::with(cloud, gate, receipts, use_case)
    }

    fn with(
        cloud: &Cloud,
        gate: <U::Caller as Caller>::Gate,
        receipts: Option<IdempotencyStore>,
        use_case: U,
    ) -> Result<Self, SettingError> {
        let log_key = match cloud.settings().optional("CREDENTIALS_SECRET") {
            Some(_) => Some(FromSecret::credentials(cloud, |seeds| Some(LogKey::derive(seeds.current())))?),
            None => None,
        };
        let issuer = cloud.settings().text("ISSUER")?;
        let (clock, random) = (cloud.clock(), cloud.random());
        Ok(Self { use_case, gate, receipts, log_key, issuer, clock, random })
    }
}

impl<U: UseCase<Caller = Anonymous>> Endpoint<U> {
    /// Creates the endpoint of a `use_case` that has anonymous callers and changes nothing, so it needs no
    /// table.
    ///
    /// # Errors
    /// If a setting is missing.
    pub fn public(cloud: &Cloud, use_case: U) -> Result<Self, SettingError> {
        const { assert!(!has_changing(U::ROUTES), "a change needs a table for its receipts") };
        Self::with(cloud, (), None, use_case)
    }
}

impl<U: UseCase> Endpoint<U> {
    /// Serves a request. Sets `named` to the address in the request.
    async fn answer(
        &self,
        request: ApiRequest,
        head: Head,
        named: &mut Option<CanonicalEmail>,
    ) -> Result<Reply, Error> {
        let parts = Parts::of(request, &head);
        let mut caller = U::Caller::admit(&self.gate, head.clone()).await?;
        let request = U::Request::read(&parts)?;
        *named = U::address(&request);
        let admission = caller.admission();
        let keyed = self.keyed(&head, caller.user_id(), &parts).await?;
        if let Some(reply) = self.given(keyed.as_deref(), &head, admission.as_ref()).await? {
            return Ok(reply);
        }
        caller.head().keyed.clone_from(&keyed);
        // Concurrently: the use case waits for the admission before it changes anything, and its response is
        // dropped if the caller is not admitted.
        let (admitted, done) = tokio::join!(admit(admission.as_ref()), self.use_case.run(caller, request));
        if let (Ok(()), Ok(response)) = (&admitted, &done) {
            let is_kept = keyed.is_none_or(|keyed| keyed.is_receipted());
            debug_assert!(is_kept, "a response to a request with an idempotency key was not stored");
            return Ok(response.reply());
        }
        // A concurrent copy of the request may have succeeded, which made this one fail.
        if let Some(reply) = self.given(keyed.as_deref(), &head, admission.as_ref()).await? {
            return Ok(reply);
        }
        admitted?;
        Ok(done?.reply())
    }

    /// Answers in the form of RFC 6749.
    fn answer_oauth(
        &self,
        outcome: Result<Reply, Error>,
        route: String,
        trace: &Trace,
        presents_token: bool,
        is_head: bool,
    ) -> ApiGatewayV2httpResponse {
        let (reply, code) = match outcome {
            Ok(reply) => (reply, None),
            Err(error) => {
                let error = error.into_oauth_error(&trace.correlation_id);
                if let Some(metric) = error.metric() {
                    cloud::put_count(metric, 1);
                }
                (error.into_reply(presents_token), Some(error.code().as_str()))
            }
        };
        let reply = if is_head { reply.without_body() } else { reply };
        cloud::put_answer(Answered {
            route,
            status: reply.status,
            problem: code,
            address_hash: None,
            source_hash: None,
            trace_id: trace.id().to_owned(),
            correlation_id: trace.correlation_id.clone(),
        });
        answer::into_event(reply.into_response(&self.issuer, &trace.correlation_id))
    }

    async fn keyed(
        &self,
        head: &Head,
        user: Option<UserId>,
        parts: &Parts,
    ) -> Result<Option<Arc<IdempotencyKey>>, Error> {
        let Some(receipts) = &self.receipts else { return Ok(None) };
        let keyed = receipts.keyed(head, user, parts).await?;
        Ok(keyed.map(Arc::new))
    }

    /// Returns the keyed hashes of an address and of a source, if this function has the key.
    async fn hashes(
        &self,
        address: Option<CanonicalEmail>,
        source: Option<String>,
    ) -> (Option<String>, Option<String>) {
        let Some(key) = &self.log_key else { return (None, None) };
        let Ok(Ok(key)) = tokio::time::timeout(TIME_TO_HASH, key.get()).await else { return (None, None) };
        let source = source.and_then(|ip| ip.parse().ok()).map(|ip| key.of_source(ip));
        let address = address.map(|address| key.of_address(&address));
        (address.map(String::from), source.map(String::from))
    }

    /// Returns the stored response to the request, if there is one and the caller may get it.
    async fn given(
        &self,
        keyed: Option<&IdempotencyKey>,
        head: &Head,
        admission: Option<&Admission>,
    ) -> Result<Option<Reply>, Error> {
        let (Some(receipts), Some(keyed)) = (&self.receipts, keyed) else { return Ok(None) };
        let (admitted, kept) = tokio::join!(admit(admission), receipts.given(keyed, head.now));
        match kept {
            Ok(None) => Ok(None),
            Ok(Some(kept)) if kept.replay == Replay::Always => Ok(Some(kept.reply)),
            kept => {
                admitted?;
                Ok(kept?.map(|kept| kept.reply))
            }
        }
    }
}

async fn admit(admission: Option<&Admission>) -> Result<(), AdmissionError> {
    match admission {
        Some(admission) => admission.check().await,
        None => Ok(()),
    }
}

impl<U: UseCase> Function for Endpoint<U> {
    type Event = LambdaRequest;
    type Answer = ApiGatewayV2httpResponse;

    async fn warm(&self) {
        let _ = tokio::join!(self.use_case.warm(), U::Caller::warm(&self.gate));
    }

    async fn call(
        &self,
        event: LambdaRequest,
        invocation: Invocation,
    ) -> Result<Self::Answer, InvocationError> {
        let request = request::from_event(event)?;
        let is_head = request.method() == HEAD;
        let head = Head::of(&request, &invocation, &self.random, self.clock.now());
        let presents_token = head.bearer_token().is_some();
        let (route, trace, source) = (routed::<U>(&head), head.trace.clone(), head.client.ip.clone());
        let mut named = None;
        // A panic fails one request; the environment serves the next one.
        let served = AssertUnwindSafe(self.answer(request, head, &mut named)).catch_unwind();
        let time = invocation.deadline.left().saturating_sub(TIME_TO_ANSWER);
        let outcome = match tokio::time::timeout(time, served).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_panic)) => Err(ProblemType::InternalError.into()),
            Err(_elapsed) => Err(Problem::unavailable().into()),
        };
        if U::IS_OAUTH {
            return Ok(self.answer_oauth(outcome, route, &trace, presents_token, is_head));
        }
        let outcome = outcome.map_err(|error| error.into_problem(&trace.correlation_id));
        let problem = outcome.as_ref().err().map(Problem::kind);
        let is_promised = problem.is_none_or(|problem| problems_of::<U>().contains(&problem));
        debug_assert!(is_promised, "{problem:?} is not among the problems that are promised");
        let metric = problem.and_then(ProblemType::metric);
        let (address_hash, source_hash) = match metric {
            Some(metric) => {
                cloud::put_count(metric, 1);
                self.hashes(named, source).await
            }
            None => (None, None),
        };
        let refused =
            |problem: Problem| problem.into_reply(&self.issuer, &trace.correlation_id, presents_token);
        let reply = outcome.unwrap_or_else(refused);
        let reply = if is_head { reply.without_body() } else { reply };
        cloud::put_answer(Answered {
            route,
            status: reply.status,
            problem: problem.map(ProblemType::slug),
            address_hash,
            source_hash,
            trace_id: trace.id().to_owned(),
            correlation_id: trace.correlation_id.clone(),
        });
        Ok(answer::into_event(reply.into_response(&self.issuer, &trace.correlation_id)))
    }
}

/// Returns every problem that a use case can return.
pub(crate) fn problems_of<U: UseCase>() -> Vec<ProblemType> {
    const OF_FAILURES: [ProblemType; 2] = [ProblemType::InternalError, ProblemType::TemporarilyUnavailable];
    const OF_KEYS: &[ProblemType] = &[ProblemType::InvalidIdempotencyKey, ProblemType::IdempotencyMismatch];
    let of_keys = if has_changing(U::ROUTES) { OF_KEYS } else { &[] };
    let of_input = U::Request::problems();
    let all = [U::Caller::PROBLEMS, &of_input, of_keys, U::PROBLEMS, &OF_FAILURES].concat();
    let first = |(at, problem): &(usize, &ProblemType)| !all[..*at].contains(problem);
    all.iter().enumerate().filter(first).map(|(_, problem)| *problem).collect()
}

/// Returns whether one of the routes changes something.
const fn has_changing(mut routes: &[Route]) -> bool {
    while let [route, rest @ ..] = routes {
        if route.takes_idempotency_key {
            return true;
        }
        routes = rest;
    }
    false
}

/// Returns the route for the log. Method and path of other requests are not logged, because the client writes
/// them.
fn routed<U: UseCase>(head: &Head) -> String {
    let taken = |route: &&Route| route.path == head.path && route.method.name() == head.method;
    U::ROUTES.iter().find(taken).or(U::ROUTES.first()).map(Route::to_string).unwrap_or_default()
}
