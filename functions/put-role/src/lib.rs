//! `PUT /v1/roles/{name}`: says what a role permits, and makes it if it is not there.
//!
//! Whoever has the role may do that from their next log-in or refresh on. Nobody can add or remove a permission that
//! they do not have themselves; administrators can do it with all. The name of a role that was deleted cannot
//! be used again.

use std::collections::BTreeSet;

use api::{
    AccessGate, Body, Endpoint, FieldProblem, Path, Permitted, Problem, ProblemType, Receipts, Right,
    RolesWrite, Route, ShownRole, UseCase, Versioned,
};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{InvalidRoleName, NoAuthority, Permission, Role, RoleName};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Failure, NotAuthorized, Refused, Store};
use thiserror::Error;

/// Changes roles.
pub struct PutRole {
    store: Store,
    gate: AccessGate,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<PutRole>, SettingError> {
    let store = Store::new(cloud)?;
    let gate = AccessGate::new(cloud, store.identities().key_reader())?;
    let receipts = Receipts::new(cloud, store.identities().receipt_reader());
    let (clock, random) = (cloud.clock(), cloud.random());
    Endpoint::changing(cloud, PutRole { store, gate, clock, random }, receipts)
}

/// Which role.
#[derive(Deserialize, JsonSchema)]
pub struct Target {
    name: String,
}

/// What it permits.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// 100 at most, such as `orders:refund`.
    permissions: Vec<String>,
}

/// More than a role can have.
#[derive(Debug, Error)]
#[error("must be 100 at most")]
struct TooMany;

/// Why the role stays as it is.
#[derive(Debug, Error)]
pub enum Refusal {
    /// Some fields are not acceptable.
    #[error("some fields are not acceptable")]
    Unacceptable(Vec<FieldProblem>),
    /// The role is built in.
    #[error("the role is built in")]
    BuiltIn,
    /// The name was that of a role.
    #[error("a role of this name was deleted")]
    Deleted,
    /// The role is not of the version that the request is for.
    #[error("the role has changed")]
    Changed,
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

impl UseCase for PutRole {
    const ROUTES: &'static [Route] = &[Route::put("/v1/roles/{name}")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::ValidationFailed,
        ProblemType::RoleBuiltIn,
        ProblemType::RoleDeleted,
        ProblemType::VersionConflict,
    ];
    type Caller = Permitted<RolesWrite>;
    type Request = (Path<Target>, Body<Request>);
    type Response = Versioned<ShownRole>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(
        &self,
        caller: Permitted<RolesWrite>,
        (Path(target), Body(request)): (Path<Target>, Body<Request>),
    ) -> Result<Versioned<ShownRole>, Refusal> {
        let name = RoleName::parse(&target.name)?;
        let permissions = request.parse().map_err(Refusal::Unacceptable)?;
        let now = self.clock.now();
        let cause = caller.cause(self.random.id(now), now);
        for _turn in 0..store::TURNS {
            let who = (caller.user_id, caller.session_id);
            let authority = self.store.identities().authority(who, RolesWrite::PERMISSION, now).await?;
            if authority.roles().had(&name) {
                return Err(Refusal::Deleted);
            }
            let role = authority.roles().get(&name).cloned();
            let before = role.unwrap_or_else(|| Role::undefined(name.clone()));
            if before.is_built_in() {
                return Err(Refusal::BuiltIn);
            }
            if !caller.head.is_for_version(before.version) {
                return Err(Refusal::Changed);
            }
            if !authority.may_define(&before, &permissions) {
                return Err(NoAuthority::Forbidden.into());
            }
            let Some((after, event)) = before.change(permissions.clone(), cause.clone()) else {
                let shown = shown(&before);
                self.store.identities().keep_receipt(caller.receipt(&shown), now).await?;
                return Ok(shown);
            };
            let shown = shown(&after);
            let store = self.store.answering(caller.receipt(&shown)).under(&authority);
            match store.put_role(&after, event).await {
                Ok(()) => return Ok(shown),
                Err(Refused::Stale) => {}
                Err(Refused::Failed(failure)) => return Err(failure.into()),
            }
        }
        Err(Refusal::Contended)
    }
}

fn shown(role: &Role) -> Versioned<ShownRole> {
    Versioned { version: role.version, content: role.into() }
}

impl Request {
    fn parse(self) -> Result<BTreeSet<Permission>, Vec<FieldProblem>> {
        let code = ProblemType::ValidationFailed.slug();
        if self.permissions.len() > Role::MAX_PERMISSIONS {
            return Err(vec![FieldProblem::new("/permissions", code, &TooMany)]);
        }
        let (mut permissions, mut wrong) = (BTreeSet::new(), Vec::new());
        for (at, text) in self.permissions.iter().enumerate() {
            match Permission::parse(text) {
                Ok(permission) => drop(permissions.insert(permission)),
                Err(error) => wrong.push(FieldProblem::new(&format!("/permissions/{at}"), code, &error)),
            }
        }
        if wrong.is_empty() { Ok(permissions) } else { Err(wrong) }
    }
}

impl From<InvalidRoleName> for Refusal {
    fn from(error: InvalidRoleName) -> Self {
        Self::Unacceptable(vec![FieldProblem::new("/name", ProblemType::ValidationFailed.slug(), &error)])
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
            Refusal::Unacceptable(fields) => Self::fields(fields),
            Refusal::BuiltIn => Self::of(ProblemType::RoleBuiltIn),
            Refusal::Deleted => Self::of(ProblemType::RoleDeleted),
            Refusal::Changed => Self::of(ProblemType::VersionConflict),
            Refusal::NotAuthorized(none) => none.into(),
            Refusal::Contended => Self::unavailable(),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
