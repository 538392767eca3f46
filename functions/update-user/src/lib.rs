//! `PATCH /v1/users/{id}`: changes a user's profile for an administrator, by a JSON Merge Patch (RFC 7396).

use std::collections::BTreeMap;

use api::{
    AccessGate, Body, Endpoint, FieldProblem, Member, Path, Permitted, Problem, ProblemType, Profile,
    ProfilePatch, Receipts, Right, Route, UseCase, UsersWrite, Versioned,
};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{
    AttributesSchema, InvalidAttribute, InvalidSchema, NoAuthority, ProfileChange, StatedReason, User, UserId,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use store::{Failure, NotAuthorized, Refused, Store};
use thiserror::Error;

/// Changes profiles of others.
pub struct UpdateUser {
    store: Store,
    gate: AccessGate,
    schema: AttributesSchema,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<UpdateUser>, SettingError> {
    let store = Store::new(cloud)?;
    let gate = AccessGate::new(cloud, store.identities().key_reader())?;
    let schema = cloud.settings().text("ATTRIBUTES_SCHEMA")?.parse().map_err(unusable)?;
    let receipts = Receipts::new(cloud, store.identities().receipt_reader());
    let (clock, random) = (cloud.clock(), cloud.random());
    Endpoint::changing(cloud, UpdateUser { store, gate, schema, clock, random }, receipts)
}

fn unusable(error: InvalidSchema) -> SettingError {
    SettingError::new("ATTRIBUTES_SCHEMA", error.sentence())
}

/// Whom to change.
#[derive(Deserialize, JsonSchema)]
pub struct Whom {
    id: String,
}

/// What to change. A member that is missing stays as it is, one that is `null` is removed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    first_name: Member<String>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    last_name: Member<String>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    locale: Member<String>,
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    attributes: Member<BTreeMap<String, Value>>,
    /// Why, for the event.
    reason: Option<String>,
}

/// Why a profile is not changed.
#[derive(Debug, Error)]
pub enum Refusal {
    /// There is no such user (any more).
    #[error("there is no such user")]
    NotFound,
    /// Some fields are not acceptable: all of them, at once.
    #[error("some fields are not acceptable")]
    Unacceptable(Vec<FieldProblem>),
    /// The caller may not do it (any more).
    #[error(transparent)]
    NotPermitted(NoAuthority),
    /// The profile is not of the version that the request is for.
    #[error("the profile has changed")]
    Changed,
    /// Too many changes of this user at once.
    #[error("too many turns")]
    Contended,
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for UpdateUser {
    const ROUTES: &'static [Route] = &[Route::patch("/v1/users/{id}")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::NotFound, ProblemType::ValidationFailed, ProblemType::VersionConflict];
    type Caller = Permitted<UsersWrite>;
    type Request = (Path<Whom>, Body<Request>);
    type Response = Versioned<Profile>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(
        &self,
        caller: Permitted<UsersWrite>,
        (Path(whom), Body(request)): (Path<Whom>, Body<Request>),
    ) -> Result<Versioned<Profile>, Refusal> {
        let id: UserId = whom.id.parse().map_err(|_| Refusal::NotFound)?;
        let (change, reason) = request.parse(&self.schema).map_err(Refusal::Unacceptable)?;
        let now = self.clock.now();
        let cause = caller.cause(self.random.id(now), now);
        let (identities, by) = (self.store.identities(), (caller.user_id, caller.session_id));
        for _turn in 0..store::TURNS {
            let authority = identities.authority(by, UsersWrite::PERMISSION, now);
            let (authority, before) = tokio::join!(authority, self.user(id, &caller));
            let (authority, before) = (authority?, before?);
            let Some((after, event)) = before.update(&change, reason.clone(), cause.clone())? else {
                let shown = shown(before);
                identities.keep_receipt(caller.receipt(&shown), now).await?;
                return Ok(shown);
            };
            let shown = shown(after.clone());
            let store = self.store.answering(caller.receipt(&shown)).under(&authority);
            match store.update_user(&after, event).await {
                Ok(()) => return Ok(shown),
                // Fields that this change does not name stay as the other one has left them.
                Err(Refused::Stale) => {}
                Err(Refused::Failed(failure)) => return Err(failure.into()),
            }
        }
        Err(Refusal::Contended)
    }
}

impl UpdateUser {
    /// The user as they are now, if that is the version which the request is for.
    async fn user(&self, id: UserId, caller: &Permitted<UsersWrite>) -> Result<User, Refusal> {
        let user = self.store.identities().user(id).await?.ok_or(Refusal::NotFound)?;
        if caller.head.is_for_version(user.version) { Ok(user) } else { Err(Refusal::Changed) }
    }
}

fn shown(user: User) -> Versioned<Profile> {
    Versioned { version: user.version, content: user.into() }
}

impl Request {
    /// What to change, and why.
    fn parse(
        self,
        schema: &AttributesSchema,
    ) -> Result<(ProfileChange, Option<StatedReason>), Vec<FieldProblem>> {
        let Self { first_name, last_name, locale, attributes, reason } = self;
        let change = ProfilePatch { first_name, last_name, locale, attributes }.parse(schema);
        let reason = reason
            .map(|reason| StatedReason::parse(&reason))
            .transpose()
            .map_err(|error| FieldProblem::new("/reason", ProblemType::ValidationFailed.slug(), &error));
        match (change, reason) {
            (Ok(change), Ok(reason)) => Ok((change, reason)),
            (change, reason) => Err(change.err().into_iter().flatten().chain(reason.err()).collect()),
        }
    }
}

impl From<InvalidAttribute> for Refusal {
    fn from(error: InvalidAttribute) -> Self {
        Self::Unacceptable(vec![error.into()])
    }
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
            Refusal::NotFound => Self::of(ProblemType::NotFound),
            Refusal::Unacceptable(fields) => Self::fields(fields),
            Refusal::NotPermitted(none) => none.into(),
            Refusal::Changed => Self::of(ProblemType::VersionConflict),
            Refusal::Contended => Self::unavailable(),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
