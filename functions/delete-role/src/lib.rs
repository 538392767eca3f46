//! `DELETE /v1/roles/{name}`: deletes a role, also one that users have.
//!
//! It gives them nothing any more from their next log-in or refresh on. Its name is not used again, so that nobody gets rights by a
//! role that was another one.

use api::{
    AccessGate, Endpoint, NoContent, Path, Permitted, Problem, ProblemType, Receipts, Right, RolesWrite,
    Route, UseCase,
};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{NoAuthority, RoleName};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Failure, NotAuthorized, Refused, Store};
use thiserror::Error;

/// Deletes roles.
pub struct DeleteRole {
    store: Store,
    gate: AccessGate,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<DeleteRole>, SettingError> {
    let store = Store::new(cloud)?;
    let gate = AccessGate::new(cloud, store.identities().key_reader())?;
    let receipts = Receipts::new(cloud, store.identities().receipt_reader());
    let (clock, random) = (cloud.clock(), cloud.random());
    Endpoint::changing(cloud, DeleteRole { store, gate, clock, random }, receipts)
}

/// Which role.
#[derive(Deserialize, JsonSchema)]
pub struct Target {
    name: String,
}

/// Why the role stays.
#[derive(Debug, Error)]
pub enum Refusal {
    /// There is no such role (any more).
    #[error("there is no such role")]
    NotFound,
    /// The role is built in.
    #[error("the role is built in")]
    BuiltIn,
    /// There is no authority for it (any more).
    #[error(transparent)]
    NotAuthorized(#[from] NoAuthority),
    /// Too many changes of this role at once.
    #[error("too many turns")]
    Contended,
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for DeleteRole {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/roles/{name}")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound, ProblemType::RoleBuiltIn];
    type Caller = Permitted<RolesWrite>;
    type Request = Path<Target>;
    type Response = NoContent;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(
        &self,
        caller: Permitted<RolesWrite>,
        Path(target): Path<Target>,
    ) -> Result<NoContent, Refusal> {
        let name = RoleName::parse(&target.name).map_err(|_| Refusal::NotFound)?;
        let now = self.clock.now();
        let cause = caller.cause(self.random.id(now), now);
        for _turn in 0..store::TURNS {
            let who = (caller.user_id, caller.session_id);
            let authority = self.store.identities().authority(who, RolesWrite::PERMISSION, now).await?;
            let role = authority.roles().get(&name).ok_or(Refusal::NotFound)?;
            if role.is_built_in() {
                return Err(Refusal::BuiltIn);
            }
            if !authority.may_give_role(role) {
                return Err(NoAuthority::Forbidden.into());
            }
            let (deleted, event) = role.delete(cause.clone());
            let store = self.store.answering(caller.receipt(&NoContent)).under(&authority);
            match store.delete_role(&deleted, event).await {
                Ok(()) => return Ok(NoContent),
                Err(Refused::Stale) => {}
                Err(Refused::Failed(failure)) => return Err(failure.into()),
            }
        }
        Err(Refusal::Contended)
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
            Refusal::NotFound => Self::of(ProblemType::NotFound),
            Refusal::BuiltIn => Self::of(ProblemType::RoleBuiltIn),
            Refusal::NotAuthorized(none) => none.into(),
            Refusal::Contended => Self::unavailable(),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
