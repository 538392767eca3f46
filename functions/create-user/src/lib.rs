//! `POST /v1/users`: makes somebody a user, who chooses a password by the link of a mail.
//!
//! An administrator neither sets a password nor sees a link. The address is claimed at once; until the link is
//! followed no password opens the account. Roles take the right to give roles as well.

mod request;

use administration::{Administration, NotDone};
use api::{
    AccessGate, Body, CreatedAt, Endpoint, FieldProblem, Permitted, Problem, ProblemType, Profile, Route,
    UseCase, UsersWrite,
};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::User;
use store::{AdditionRefused, Failure, Identities, MailLimits, NotReserved, Refused};
use thiserror::Error;

pub use crate::request::Request;

/// The kind of its limits: apart from those of other mails.
const LIMIT: &str = "invitation";

/// Makes users.
pub struct CreateUser {
    administration: Administration,
    identities: Identities,
    limits: MailLimits,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<CreateUser>, SettingError> {
    let administration = Administration::new(cloud)?;
    let receipts = administration.receipts(cloud);
    let create = CreateUser {
        administration,
        identities: Identities::new(cloud)?,
        limits: MailLimits::new(cloud)?,
        clock: cloud.clock(),
        random: cloud.random(),
    };
    Endpoint::changing(cloud, create, receipts)
}

/// Why nobody is made a user.
#[derive(Debug, Error)]
pub enum Refusal {
    /// Some fields are not acceptable: all of them, at once.
    #[error("some fields are not acceptable")]
    Unacceptable(Vec<FieldProblem>),
    /// Somebody has the address.
    #[error("the address is taken")]
    EmailTaken,
    /// Too many invitations were requested.
    #[error(transparent)]
    NotReserved(#[from] NotReserved),
    /// It cannot be done.
    #[error(transparent)]
    NotDone(#[from] NotDone),
}

impl UseCase for CreateUser {
    const ROUTES: &'static [Route] = &[Route::post("/v1/users")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::EmailTaken, ProblemType::RateLimited, ProblemType::ValidationFailed];
    type Caller = Permitted<UsersWrite>;
    type Request = Body<Request>;
    type Response = CreatedAt<Profile>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        self.administration.gate()
    }

    async fn run(
        &self,
        caller: Permitted<UsersWrite>,
        Body(request): Body<Request>,
    ) -> Result<CreatedAt<Profile>, Refusal> {
        let wanted = request.parse().map_err(Refusal::Unacceptable)?;
        let now = self.clock.now();
        let act = self.administration.act(&caller);
        let newcomer = wanted.newcomer(self.random.id(now), now);
        let (user, credential, event) =
            newcomer.invite(credentials::nothing(), wanted.reason.clone(), act.cause());
        let created = created(&user);
        let limits =
            self.limits.by_administrator(LIMIT, caller.user_id, user.email.canonical(), &caller.head.client);
        for turn in 0..store::TURNS {
            let authority = act.authority().await?;
            wanted.may_be_made_by(&authority, &user)?;
            if turn == 0 {
                // Only a caller who may do it uses up a limit.
                self.identities.reserve(&limits, now).await?;
            }
            let commands = act.answering(&created, false, &authority);
            match commands.add_user(&user, &credential, event.clone()).await {
                Ok(()) => return Ok(created),
                Err(AdditionRefused::EmailTaken) => return Err(Refusal::EmailTaken),
                Err(AdditionRefused::Refused(Refused::Stale)) => {}
                Err(AdditionRefused::Refused(Refused::Failed(failure))) => {
                    return Err(NotDone::from(failure).into());
                }
            }
        }
        Err(NotDone::from(Failure::Contended).into())
    }
}

fn created(user: &User) -> CreatedAt<Profile> {
    let place = format!("/v1/users/{}", user.id);
    CreatedAt { version: user.version, place, content: user.clone().into() }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unacceptable(fields) => Self::fields(fields),
            Refusal::EmailTaken => Self::of(ProblemType::EmailTaken),
            Refusal::NotReserved(NotReserved::TooMany(seconds)) => Self::rate_limited(seconds),
            Refusal::NotReserved(NotReserved::Failed(failure)) => Self::failure(failure.is_retryable()),
            Refusal::NotDone(not_done) => not_done.into(),
        }
    }
}
