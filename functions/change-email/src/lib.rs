//! `POST /v1/me/email`: asks for a mail that proves another address.
//!
//! The present address stays until then, and is told. Never looks whether the new one is taken: the
//! answer and its time are the same for every address.

use std::time::Duration;

use api::{
    Accepted, AccessGate, Body, Endpoint, FieldProblem, Problem, ProblemType, Receipts, Route, SignedIn,
    UseCase,
};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{Email, InvalidEmail, Secret};
use passwords::{NotProven, Proven, Reentry};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Failure, MailLimits, NotReserved, Refused, Store};
use thiserror::Error;

/// The kind of its limits: apart from those of other mails.
const LIMIT: &str = "email-change";

/// Takes wishes for another address.
pub struct ChangeEmail {
    store: Store,
    gate: AccessGate,
    reentry: Reentry,
    limits: MailLimits,
    lifetime: Duration,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ChangeEmail>, SettingError> {
    let store = Store::new(cloud)?;
    let receipts = Receipts::new(cloud, store.identities()).sealed_by_credentials(cloud)?.limited();
    let change = ChangeEmail {
        gate: AccessGate::new(cloud, store.identities())?,
        reentry: Reentry::new(cloud, store.identities())?,
        limits: MailLimits::new(cloud)?,
        store,
        lifetime: cloud.settings().seconds("VERIFICATION_LINK_SECONDS")?,
        clock: cloud.clock(),
        random: cloud.random(),
    };
    Endpoint::changing(cloud, change, receipts)?.with_log_hashes(cloud)
}

/// The address that is to take the place of the present one, and what proves the user.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(email, example = "ada@example.com")]
    new_email: String,
    #[schemars(with = "String", example = "correct horse battery")]
    password: Secret,
}

/// The same for every address.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct Taken {
    status: &'static str,
}

/// Why no mail is sent.
#[derive(Debug, Error)]
pub enum Refusal {
    /// It is no address.
    #[error("no address")]
    NoAddress(#[from] InvalidEmail),
    /// It is the user's address already.
    #[error("is your address already")]
    SameAddress,
    /// Too many mails were requested.
    #[error(transparent)]
    NotReserved(#[from] NotReserved),
    /// Whether it is the user who asks is not known.
    #[error(transparent)]
    NotProven(#[from] NotProven),
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
    /// Too many changes of this user at once.
    #[error("too many turns")]
    Contended,
}

impl UseCase for ChangeEmail {
    const ROUTES: &'static [Route] = &[Route::post("/v1/me/email")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::InvalidToken,
        ProblemType::RateLimited,
        ProblemType::ReauthenticationRequired,
        ProblemType::ValidationFailed,
    ];
    type Caller = SignedIn;
    type Request = Body<Request>;
    type Response = Accepted<Taken>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn warm(&self) {
        self.reentry.warm().await;
    }

    async fn run(&self, caller: SignedIn, Body(request): Body<Request>) -> Result<Accepted<Taken>, Refusal> {
        let email = Email::parse(&request.new_email)?;
        let proven = self.reentry.prove(&caller, &request.password).await?;
        if email.canonical() == proven.user.email.canonical() {
            return Err(Refusal::SameAddress);
        }
        // After the password: an intruder who does not know it must not use up the owner's mails.
        let limits = self.limits.by_user(LIMIT, caller.user_id, email.canonical(), &caller.head.client);
        self.store.identities().reserve(&limits, self.clock.now()).await?;

        let (asked, ()) =
            tokio::join!(self.ask(&caller, proven, &email), self.reentry.forgive(caller.user_id));
        asked
    }
}

impl ChangeEmail {
    async fn ask(
        &self,
        caller: &SignedIn,
        mut proven: Proven,
        email: &Email,
    ) -> Result<Accepted<Taken>, Refusal> {
        let now = self.clock.now();
        let event_id = self.random.id(now);
        for _turn in 0..store::TURNS {
            if email.canonical() == proven.user.email.canonical() {
                return Err(Refusal::SameAddress);
            }
            let cause = caller.cause(event_id, now);
            let (after, link, event) = proven.user.request_email_change(email.clone(), self.lifetime, cause);
            let taken = Accepted(Taken { status: "verification_sent" });
            let store = self.store.answering(caller.receipt(&taken));
            match store.request_email_change(&after, &link, event).await {
                Ok(()) => return Ok(taken),
                Err(Refused::Stale) => proven = self.reentry.again(caller, proven).await?,
                Err(Refused::Failed(failure)) => return Err(failure.into()),
            }
        }
        Err(Refusal::Contended)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoAddress(error) => {
                Self::fields(vec![FieldProblem::new("/new_email", "invalid-email", &error)])
            }
            Refusal::SameAddress => {
                Self::fields(vec![FieldProblem::new("/new_email", "validation-failed", &refusal)])
            }
            Refusal::NotReserved(NotReserved::TooMany(seconds)) => Self::rate_limited(seconds),
            Refusal::NotProven(not_proven) => not_proven.into(),
            Refusal::NotReserved(NotReserved::Failed(failure)) | Refusal::NotStored(failure) => {
                Self::failure(failure.is_retryable())
            }
            Refusal::Contended => Self::unavailable(),
        }
    }
}
