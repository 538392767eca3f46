//! `PATCH /v1/me`: changes the profile of the user who is signed in, by a JSON Merge Patch (RFC 7396).

mod member;

use std::collections::BTreeMap;

use api::{
    AccessGate, Body, Endpoint, FieldProblem, Problem, ProblemType, Profile, Receipts, Route, SignedIn,
    UseCase, Versioned,
};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{
    AttributeChanges, AttributesSchema, Change, InvalidAttribute, InvalidSchema, Locale, Name, ProfileChange,
    Status, User,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use store::{Failure, Refused, Store};
use thiserror::Error;

use crate::member::Member;

/// Changes profiles.
pub struct UpdateProfile {
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
pub fn function(cloud: &Cloud) -> Result<Endpoint<UpdateProfile>, SettingError> {
    let store = Store::new(cloud)?;
    let gate = AccessGate::new(cloud, store.identities().key_reader())?;
    let schema = cloud.settings().text("ATTRIBUTES_SCHEMA")?.parse().map_err(unusable)?;
    let receipts = Receipts::new(cloud, store.identities().receipt_reader());
    let (clock, random) = (cloud.clock(), cloud.random());
    Endpoint::changing(cloud, UpdateProfile { store, gate, schema, clock, random }, receipts)
}

fn unusable(error: InvalidSchema) -> SettingError {
    SettingError::new("ATTRIBUTES_SCHEMA", error.sentence())
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
}

/// Why a profile is not changed.
#[derive(Debug, Error)]
pub enum Refusal {
    /// Some fields are not acceptable: all of them, at once.
    #[error("some fields are not acceptable")]
    Unacceptable(Vec<FieldProblem>),
    /// The user is gone or may not sign in, and the token has not died yet.
    #[error("the user may not sign in")]
    NotActive,
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

impl UseCase for UpdateProfile {
    const ROUTES: &'static [Route] = &[Route::patch("/v1/me")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::ValidationFailed, ProblemType::InvalidToken, ProblemType::VersionConflict];
    type Caller = SignedIn;
    type Request = Body<Request>;
    type Response = Versioned<Profile>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(
        &self,
        caller: SignedIn,
        Body(request): Body<Request>,
    ) -> Result<Versioned<Profile>, Refusal> {
        let change = request.parse(&self.schema).map_err(Refusal::Unacceptable)?;
        let now = self.clock.now();
        let cause = caller.cause(self.random.id(now), now);
        for _turn in 0..store::TURNS {
            let before = self.user(&caller).await?;
            let Some((after, event)) = before.update(&change, cause.clone())? else {
                let shown = shown(before);
                self.store.identities().keep_receipt(caller.receipt(&shown), now).await?;
                return Ok(shown);
            };
            let shown = shown(after.clone());
            match self.store.answering(caller.receipt(&shown)).update_user(&after, event).await {
                Ok(()) => return Ok(shown),
                // Fields that this change does not name stay as the other one has left them.
                Err(Refused::Stale) => {}
                Err(Refused::Failed(failure)) => return Err(failure.into()),
            }
        }
        Err(Refusal::Contended)
    }
}

impl UpdateProfile {
    /// The user as they are now, if that is the version which the request is for.
    async fn user(&self, caller: &SignedIn) -> Result<User, Refusal> {
        let user = self.store.identities().user(caller.user_id).await?;
        let user = user.filter(|user| user.status == Status::Active).ok_or(Refusal::NotActive)?;
        if caller.head.is_for_version(user.version) { Ok(user) } else { Err(Refusal::Changed) }
    }
}

fn shown(user: User) -> Versioned<Profile> {
    Versioned { version: user.version, content: user.into() }
}

impl Request {
    fn parse(self, schema: &AttributesSchema) -> Result<ProfileChange, Vec<FieldProblem>> {
        let mut wrong = Vec::new();
        let change = ProfileChange {
            first_name: self.first_name.parse("/first_name", &mut wrong, Name::parse),
            last_name: self.last_name.parse("/last_name", &mut wrong, Name::parse),
            locale: self.locale.parse("/locale", &mut wrong, Locale::parse),
            attributes: match self.attributes {
                Member::Absent => Change::Keep,
                Member::Null => Change::Remove,
                Member::Value(values) => Change::Set(attributes(&values, schema, &mut wrong)),
            },
        };
        if wrong.is_empty() { Ok(change) } else { Err(wrong) }
    }
}

/// What is declared no more can still be removed.
fn attributes(
    values: &BTreeMap<String, Value>,
    schema: &AttributesSchema,
    wrong: &mut Vec<FieldProblem>,
) -> AttributeChanges {
    let mut changes = AttributeChanges::new();
    for (name, value) in values {
        if value.is_null() {
            changes.insert(name.clone(), None);
            continue;
        }
        match schema.parse(name, value) {
            Ok(value) => drop(changes.insert(name.clone(), Some(value))),
            // A name that is not declared is the sender's own text, which is not echoed.
            Err(error) if schema.declares(name) => wrong.push(problem(&format!("/attributes/{name}"), error)),
            Err(error) => wrong.push(problem("/attributes", error)),
        }
    }
    changes
}

fn problem(pointer: &str, error: InvalidAttribute) -> FieldProblem {
    FieldProblem::new(pointer, ProblemType::ValidationFailed.slug(), &error)
}

impl From<InvalidAttribute> for Refusal {
    fn from(error: InvalidAttribute) -> Self {
        Self::Unacceptable(vec![problem("/attributes", error)])
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unacceptable(fields) => Self::fields(fields),
            Refusal::NotActive => Self::of(ProblemType::InvalidToken),
            Refusal::Changed => Self::of(ProblemType::VersionConflict),
            Refusal::Contended => Self::unavailable(),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
