//! A use case, served.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use cloud::{Answered, Clock, Cloud, Failed, FromSecret, Function, Invocation, Random, SettingError, chain};
use domain::{CanonicalEmail, UserId};
use futures_util::FutureExt;
use lambda_http::{aws_lambda_events::apigw::ApiGatewayV2httpResponse, request::LambdaRequest};
use tokens::LogKey;
use tracing::error;

use crate::{
    Admission, Answer, Caller, Head, Input, NotAdmitted, Problem, ProblemType, Receipts, Route,
    answer::{self, Reply},
    caller::HEAD,
    input::Parts,
    receipts::{Keyed, Replay},
    request::{self, ApiRequest},
};

/// One thing that somebody can do.
pub trait UseCase: Send + Sync + 'static {
    /// Where it is reached; the template has the same.
    const ROUTES: &'static [Route];
    /// Who may call it.
    type Caller: Caller;
    /// What it takes: a [`crate::Body`], a [`crate::Query`], a [`crate::Path`], two of them, or
    /// [`crate::Nothing`].
    type Request: Input;
    /// What it answers when it succeeds.
    type Response: Answer;
    /// The problems that its refusals are, besides that something inside failed.
    const PROBLEMS: &'static [ProblemType];
    /// Why it may refuse. Each refusal is one problem; its sources are for the log.
    type Refusal: std::error::Error + Into<Problem> + Send;

    /// What checks the caller.
    fn gate(&self) -> &<Self::Caller as Caller>::Gate;

    /// Prepares what the first request will need.
    fn warm(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Returns the address that an anonymous request names. If the request is refused, its line of the log
    /// has the keyed hash of it.
    fn address(_request: &Self::Request) -> Option<CanonicalEmail> {
        None
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
/// A late answer is worse than a line of the log without hashes.
const TIME_TO_HASH: Duration = Duration::from_millis(150);

/// Serves a use case to API Gateway.
pub struct Endpoint<U> {
    use_case: U,
    receipts: Option<Receipts>,
    log_key: Option<FromSecret<LogKey>>,
    issuer: String,
    clock: Clock,
    random: Random,
}

impl<U: UseCase> Endpoint<U> {
    /// Serves `use_case`, which changes nothing; the setting `ISSUER` is the base of problem types.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn reading(cloud: &Cloud, use_case: U) -> Result<Self, SettingError> {
        const { assert!(!has_changing(U::ROUTES), "what changes something takes receipts") };
        Self::new(cloud, use_case, None)
    }

    /// Serves `use_case`, which changes something: the same request under the same `Idempotency-Key` gets
    /// the answer that is in `receipts`.
    ///
    /// # Errors
    /// If the setting `ISSUER` is missing.
    pub fn changing(cloud: &Cloud, use_case: U, receipts: Receipts) -> Result<Self, SettingError> {
        const { assert!(has_changing(U::ROUTES), "what only reads takes no receipts") };
        Self::new(cloud, use_case, Some(receipts))
    }

    fn new(cloud: &Cloud, use_case: U, receipts: Option<Receipts>) -> Result<Self, SettingError> {
        let issuer = cloud.settings().text("ISSUER")?;
        let (clock, random) = (cloud.clock(), cloud.random());
        Ok(Self { use_case, receipts, log_key: None, issuer, clock, random })
    }

    /// This endpoint, whose lines of the log have keyed hashes of the address and the source of a refused
    /// request: for a function that has the credentials secret.
    ///
    /// # Errors
    /// If the setting `CREDENTIALS_SECRET` is missing.
    pub fn with_log_hashes(self, cloud: &Cloud) -> Result<Self, SettingError> {
        let key = FromSecret::credentials(cloud, |seeds| Some(LogKey::derive(seeds.current())))?;
        Ok(Self { log_key: Some(key), ..self })
    }

    /// `named` is set to the address that the request names.
    async fn answer(
        &self,
        request: ApiRequest,
        head: Head,
        named: &mut Option<CanonicalEmail>,
    ) -> Result<Reply, Problem> {
        let parts = Parts::of(request, &head);
        let mut caller = U::Caller::admit(self.use_case.gate(), head.clone(), self.clock.now()).await?;
        let request = U::Request::read(&parts)?;
        *named = U::address(&request);
        let admission = caller.admission();
        let keyed = self.keyed(&head, caller.user_id(), &parts).await?;
        if let Some(reply) = self.given(keyed.as_deref(), &head, admission.as_ref()).await? {
            return Ok(reply);
        }
        caller.head().keyed.clone_from(&keyed);
        // Concurrently: the use case waits for the admission before it changes anything, and nothing that it
        // has read leaves before the caller is admitted.
        let (admitted, done) = tokio::join!(admit(admission.as_ref()), self.use_case.run(caller, request));
        if let (Ok(()), Ok(response)) = (&admitted, &done) {
            let is_kept = keyed.is_none_or(|keyed| keyed.is_receipted());
            debug_assert!(is_kept, "a request with a key was answered without a receipt");
            return Ok(response.reply());
        }
        // Perhaps the same request was carried out concurrently, and that is why this one was not.
        if let Some(reply) = self.given(keyed.as_deref(), &head, admission.as_ref()).await? {
            return Ok(reply);
        }
        admitted?;
        match done {
            Ok(response) => Ok(response.reply()),
            Err(refusal) => Err(refused::<U>(refusal, &head)),
        }
    }

    async fn keyed(
        &self,
        head: &Head,
        user: Option<UserId>,
        parts: &Parts,
    ) -> Result<Option<Arc<Keyed>>, Problem> {
        let Some(receipts) = &self.receipts else { return Ok(None) };
        let keyed = receipts.keyed(head, user, parts, self.clock.now()).await?;
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

    /// Returns the answer that the request was given before, if it was, and if the caller may have it again.
    async fn given(
        &self,
        keyed: Option<&Keyed>,
        head: &Head,
        admission: Option<&Admission>,
    ) -> Result<Option<Reply>, Problem> {
        let (Some(receipts), Some(keyed)) = (&self.receipts, keyed) else { return Ok(None) };
        let (admitted, kept) = tokio::join!(admit(admission), receipts.given(keyed, head, self.clock.now()));
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

async fn admit(admission: Option<&Admission>) -> Result<(), NotAdmitted> {
    match admission {
        Some(admission) => admission.check().await,
        None => Ok(()),
    }
}

impl<U: UseCase> Function for Endpoint<U> {
    type Event = LambdaRequest;
    type Answer = ApiGatewayV2httpResponse;

    async fn warm(&self) {
        let _ = tokio::join!(self.use_case.warm(), U::Caller::warm(self.use_case.gate()));
    }

    async fn call(&self, event: LambdaRequest, invocation: Invocation) -> Result<Self::Answer, Failed> {
        let request = request::from_event(event)?;
        let is_head = request.method() == HEAD;
        let head = Head::of(&request, &invocation, &self.random);
        let presents_token = head.bearer_token().is_some();
        let (route, trace, source) = (routed::<U>(&head), head.trace.clone(), head.client.ip.clone());
        let mut named = None;
        // One request's panic is its own 500: the environment serves the next one.
        let served = AssertUnwindSafe(self.answer(request, head, &mut named)).catch_unwind();
        let time = invocation.deadline.left().saturating_sub(TIME_TO_ANSWER);
        let outcome = match tokio::time::timeout(time, served).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_panic)) => Err(Problem::of(ProblemType::InternalError)),
            Err(_elapsed) => Err(Problem::unavailable()),
        };
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

fn refused<U: UseCase>(refusal: U::Refusal, head: &Head) -> Problem {
    let chain = chain(&refusal);
    let problem = refusal.into();
    if problem.kind().status() >= 500 {
        error!(correlation_id = head.trace.correlation_id, cause = chain, "refused by a failure");
    }
    problem
}

/// Every problem that a request to a use case may be answered with.
pub(crate) fn problems_of<U: UseCase>() -> Vec<ProblemType> {
    const OF_FAILURES: [ProblemType; 2] = [ProblemType::InternalError, ProblemType::TemporarilyUnavailable];
    const OF_KEYS: &[ProblemType] = &[ProblemType::InvalidIdempotencyKey, ProblemType::IdempotencyMismatch];
    let of_keys = if has_changing(U::ROUTES) { OF_KEYS } else { &[] };
    let of_input = U::Request::problems();
    let all = [U::Caller::PROBLEMS, &of_input, of_keys, U::PROBLEMS, &OF_FAILURES].concat();
    let first = |(at, problem): &(usize, &ProblemType)| !all[..*at].contains(problem);
    all.iter().enumerate().filter(first).map(|(_, problem)| *problem).collect()
}

/// Whether one of the routes changes something.
const fn has_changing(mut routes: &[Route]) -> bool {
    while let [route, rest @ ..] = routes {
        if route.method.changes() {
            return true;
        }
        routes = rest;
    }
    false
}

/// The route is logged, never the method and the path themselves: what no route takes is the sender's own
/// text.
fn routed<U: UseCase>(head: &Head) -> String {
    let taken = |route: &&Route| route.path == head.path && route.method.name() == head.method;
    U::ROUTES.iter().find(taken).or(U::ROUTES.first()).map(Route::to_string).unwrap_or_default()
}
