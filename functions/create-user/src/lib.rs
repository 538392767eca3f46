//! `POST /v1/users`: makes somebody a user, for an administrator, and invites them by mail.
//!
//! The link in the mail proves the address and permits to choose a password; without it nobody can sign in.
//! The administrator neither sets nor sees a password.

use api::{
    AccessGate, Body, Created, Endpoint, FieldProblem, Permitted, Problem, ProblemType, Profile, Receipts,
    Right, Route, UseCase, UsersWrite,
};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{Applicant, Email, Locale, Name, Newcomer, NoAuthority, StatedReason};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{AdmissionRefused, Failure, NotAuthorized, Store};
use thiserror::Error;

/// Makes users.
pub struct CreateUser {
    store: Store,
    gate: AccessGate,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<CreateUser>, SettingError> {
    let store = Store::new(cloud)?;
    let gate = AccessGate::new(cloud, store.identities().key_reader())?;
    let receipts = Receipts::new(cloud, store.identities().receipt_reader());
    let (clock, random) = (cloud.clock(), cloud.random());
    Endpoint::changing(cloud, CreateUser { store, gate, clock, random }, receipts)
}

/// Who is to be a user.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(email, example = "ada@example.com")]
    email: String,
    first_name: Option<String>,
    last_name: Option<String>,
    locale: Option<String>,
    /// Why, for the event.
    reason: Option<String>,
}

/// Why nobody is made a user.
#[derive(Debug, Error)]
pub enum Refusal {
    /// Some fields are not acceptable: all of them, at once.
    #[error("some fields are not acceptable")]
    Unacceptable(Vec<FieldProblem>),
    /// The caller may not do it (any more).
    #[error(transparent)]
    NotPermitted(NoAuthority),
    /// There is a user with this address.
    #[error("the address is taken")]
    EmailTaken,
    /// What the caller may do has changed meanwhile, too often.
    #[error("too many turns")]
    Contended,
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for CreateUser {
    const ROUTES: &'static [Route] = &[Route::post("/v1/users")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::EmailTaken, ProblemType::ValidationFailed];
    type Caller = Permitted<UsersWrite>;
    type Request = Body<Request>;
    type Response = Created<Profile>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(
        &self,
        caller: Permitted<UsersWrite>,
        Body(request): Body<Request>,
    ) -> Result<Created<Profile>, Refusal> {
        let (applicant, reason) = request.parse().map_err(Refusal::Unacceptable)?;
        let now = self.clock.now();
        let newcomer = Newcomer::new(self.random.id(now), applicant, now);
        let cause = caller.cause(self.random.id(now), now);
        let (user, credential, event) = newcomer.invite(credentials::nothing(), reason, cause);
        let created = Created(Profile::from(user.clone()));
        let by = (caller.user_id, caller.session_id);
        for _turn in 0..store::TURNS {
            let authority = self.store.identities().authority(by, UsersWrite::PERMISSION, now).await?;
            let store = self.store.answering(caller.receipt(&created)).under(&authority);
            match store.create_user(&user, &credential, event.clone()).await {
                Ok(()) => return Ok(created),
                Err(AdmissionRefused::EmailTaken) => return Err(Refusal::EmailTaken),
                // The id is random: what does not hold any more is the authority.
                Err(AdmissionRefused::IdTaken) => {}
                Err(AdmissionRefused::Failed(failure)) => return Err(failure.into()),
            }
        }
        Err(Refusal::Contended)
    }
}

impl Request {
    fn parse(self) -> Result<(Applicant, Option<StatedReason>), Vec<FieldProblem>> {
        let mut wrong = Vec::new();
        let email = Email::parse(&self.email)
            .map_err(|error| wrong.push(FieldProblem::new("/email", "invalid-email", &error)));
        let first_name = parsed("/first_name", self.first_name, &mut wrong, Name::parse);
        let last_name = parsed("/last_name", self.last_name, &mut wrong, Name::parse);
        let locale = parsed("/locale", self.locale, &mut wrong, Locale::parse);
        let reason = parsed("/reason", self.reason, &mut wrong, StatedReason::parse);
        match email {
            Ok(email) if wrong.is_empty() => Ok((Applicant { email, first_name, last_name, locale }, reason)),
            _ => Err(wrong),
        }
    }
}

/// What `parse` makes of a field, if it is given; what is wrong with it goes to `wrong`.
fn parsed<T, E: std::error::Error>(
    pointer: &str,
    text: Option<String>,
    wrong: &mut Vec<FieldProblem>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    let parsed = parse(&text?);
    parsed.map_err(|error| wrong.push(FieldProblem::new(pointer, "validation-failed", &error))).ok()
}

impl From<NotAuthorized> for Refusal {
    fn from(not_authorized: NotAuthorized) -> Self {
        match not_authorized {
            NotAuthorized::None(none) => Self::NotPermitted(none),
            NotAuthorized::NotRead(failure) => Self::NotStored(failure),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unacceptable(fields) => Self::fields(fields),
            Refusal::NotPermitted(none) => none.into(),
            Refusal::EmailTaken => Self::of(ProblemType::EmailTaken),
            Refusal::Contended => Self::unavailable(),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
