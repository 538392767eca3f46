//! `PATCH /v1/users/{id}`: changes the profile of a user, by a JSON Merge Patch (RFC 7396) that says why.
//!
//! Not the address: whose it is, only whoever reads its mails can prove.

use std::collections::BTreeMap;

use administration::{Administration, NotDone, Whom};
use api::{
    AccessGate, Body, Endpoint, FieldProblem, Member, Never, Path, Permitted, Problem, ProblemType, Profile,
    ProfilePatch, Route, UseCase, UsersWrite, Versioned,
};
use cloud::{Cloud, SettingError};
use domain::{Accessor, AttributesSchema, InvalidAttribute, StatedReason, User};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

/// Changes users.
pub struct UpdateUser {
    administration: Administration,
    schema: AttributesSchema,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<UpdateUser>, SettingError> {
    let administration = Administration::new(cloud)?;
    let schema = api::attributes_schema(cloud)?;
    let receipts = administration.receipts(cloud);
    Endpoint::changing(cloud, UpdateUser { administration, schema }, receipts)
}

/// What to change, and why. A member that is missing stays as it is, one that is `null` is removed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The first name.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    first_name: Member<String>,
    /// The last name.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    last_name: Member<String>,
    /// A language tag.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    locale: Member<String>,
    /// Those that the service declares.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    attributes: Member<BTreeMap<String, Value>>,
    /// Only `null` is taken: the picture is removed.
    #[serde(default)]
    #[schemars(with = "()")]
    picture: Member<Never>,
    /// Kept with the user's events, and shown to them: 1 to 200 characters.
    reason: String,
}

/// Why a user stays as they are.
#[derive(Debug, Error)]
pub enum Refusal {
    /// Some fields are not acceptable: all of them, at once.
    #[error("some fields are not acceptable")]
    Unacceptable(Vec<FieldProblem>),
    /// It cannot be done.
    #[error(transparent)]
    NotDone(#[from] NotDone),
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
        self.administration.gate()
    }

    async fn run(
        &self,
        caller: Permitted<UsersWrite>,
        (Path(whom), Body(request)): (Path<Whom>, Body<Request>),
    ) -> Result<Versioned<Profile>, Refusal> {
        let id = whom.parse()?;
        let (patch, reason) = request.parse()?;
        let change = patch.parse(&self.schema, Accessor::Admin).map_err(Refusal::Unacceptable)?;
        let act = self.administration.act(&caller);
        let update =
            |user: &User| Ok::<_, Refusal>(user.update(&change, Some(reason.clone()), act.cause())?);
        act.change_user(id, update, shown).await
    }
}

impl Request {
    fn parse(self) -> Result<(ProfilePatch, StatedReason), NotDone> {
        let Self { first_name, last_name, locale, attributes, picture, reason } = self;
        let patch = ProfilePatch { first_name, last_name, locale, attributes, picture };
        Ok((patch, StatedReason::parse(&reason)?))
    }
}

fn shown(user: &User) -> Versioned<Profile> {
    Versioned { version: user.version, content: user.clone().into() }
}

impl From<InvalidAttribute> for Refusal {
    fn from(error: InvalidAttribute) -> Self {
        Self::Unacceptable(vec![error.into()])
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unacceptable(fields) => Self::fields(fields),
            Refusal::NotDone(not_done) => not_done.into(),
        }
    }
}
