//! `DELETE /v1/users/{id}/roles/{name}`: takes a role from a user.
//!
//! Nobody can take a role with a permission that they do not have themselves; administrators can take all. The last administrator
//! stays one. Tokens say so from the user's next log-in or refresh on; a deployment may end the user's sessions by it.

use api::{
    AccessGate, Body, Endpoint, FieldProblem, NoContent, Path, Permitted, Problem, ProblemType, Receipts,
    Right, RolesWrite, Route, UseCase,
};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{InvalidReason, NoAuthority, RoleName, StatedReason, UserId};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Failure, NotAuthorized, Refused, StandingRefused, Store};
use thiserror::Error;

/// Takes roles.
pub struct RevokeRole {
    store: Store,
    gate: AccessGate,
    ending_sessions: bool,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<RevokeRole>, SettingError> {
    let store = Store::new(cloud)?;
    let gate = AccessGate::new(cloud, store.identities().key_reader())?;
    let receipts = Receipts::new(cloud, store.identities().receipt_reader());
    let (clock, random) = (cloud.clock(), cloud.random());
    let ending_sessions = cloud.settings().parsed("END_SESSIONS_ON_REVOCATION")?;
    Endpoint::changing(cloud, RevokeRole { store, gate, ending_sessions, clock, random }, receipts)
}

/// Whose role, and which.
#[derive(Deserialize, JsonSchema)]
pub struct Target {
    #[schemars(extend("format" = "uuid"))]
    id: String,
    name: String,
}

/// Why it is done.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Kept with the user's events, and shown to them: 1 to 200 characters.
    reason: String,
}

/// Why the user's roles stay as they are.
#[derive(Debug, Error)]
pub enum Refusal {
    /// It does not say why.
    #[error("no reason")]
    NoReason(#[from] InvalidReason),
    /// There is no such user or role.
    #[error("there is no such user or role")]
    NotFound,
    /// Nobody would be left who can give rights.
    #[error("the user is the last administrator")]
    LastAdministrator,
    /// There is no authority for it (any more).
    #[error(transparent)]
    NotAuthorized(#[from] NoAuthority),
    /// Too many changes of this user at once.
    #[error("too many turns")]
    Contended,
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for RevokeRole {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/users/{id}/roles/{name}")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::NotFound, ProblemType::ValidationFailed, ProblemType::LastAdministrator];
    type Caller = Permitted<RolesWrite>;
    type Request = (Path<Target>, Body<Request>);
    type Response = NoContent;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(
        &self,
        caller: Permitted<RolesWrite>,
        (Path(target), Body(request)): (Path<Target>, Body<Request>),
    ) -> Result<NoContent, Refusal> {
        let (user_id, name) = target.parse().ok_or(Refusal::NotFound)?;
        let reason = StatedReason::parse(&request.reason)?;
        let now = self.clock.now();
        let cause = caller.cause(self.random.id(now), now);
        let identities = self.store.identities();
        for _turn in 0..store::TURNS {
            let who = (caller.user_id, caller.session_id);
            let (authority, user) = tokio::try_join!(
                async { Ok::<_, Refusal>(identities.authority(who, RolesWrite::PERMISSION, now).await?) },
                async { identities.user(user_id).await?.ok_or(Refusal::NotFound) }
            )?;
            // A name that is no role's any more can be taken by everyone.
            if authority.roles().get(&name).is_some_and(|role| !authority.may_give_role(role)) {
                return Err(NoAuthority::Forbidden.into());
            }
            let Some((after, event)) =
                user.revoke_role(&name, self.ending_sessions, Some(reason.clone()), cause.clone())
            else {
                identities.keep_receipt(caller.receipt(&NoContent), now).await?;
                return Ok(NoContent);
            };
            let store = self.store.answering(caller.receipt(&NoContent)).under(&authority);
            match store.change_roles((&user, &after), event).await {
                Ok(()) => return Ok(NoContent),
                Err(StandingRefused::Refused(Refused::Stale)) => {}
                Err(StandingRefused::Refused(Refused::Failed(failure))) => return Err(failure.into()),
                Err(StandingRefused::LastAdministrator) => return Err(Refusal::LastAdministrator),
            }
        }
        Err(Refusal::Contended)
    }
}

impl Target {
    fn parse(&self) -> Option<(UserId, RoleName)> {
        Some((self.id.parse().ok()?, RoleName::parse(&self.name).ok()?))
    }
}

impl From<NotAuthorized> for Refusal {
    fn from(not_authorized: NotAuthorized) -> Self {
        match not_authorized {
            NotAuthorized::None(none) => none.into(),
            NotAuthorized::NotRead(failure) => failure.into(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoReason(error) => {
                let code = ProblemType::ValidationFailed.slug();
                Self::fields(vec![FieldProblem::new("/reason", code, &error)])
            }
            Refusal::NotFound => Self::of(ProblemType::NotFound),
            Refusal::LastAdministrator => Self::of(ProblemType::LastAdministrator),
            Refusal::NotAuthorized(none) => none.into(),
            Refusal::Contended => Self::unavailable(),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
