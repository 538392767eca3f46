//! `PATCH /v1/users/{id}`: update the profile of a user with a JSON Merge Patch (RFC 7396) and a reason.
//!
//! The address cannot be changed: only the reader of its mails can prove it.

use std::collections::BTreeMap;

use api::{Authorized, Body, Endpoint, Error, Path, ProblemType, Route, UseCase, UsersWrite, WithEtag};
use application::{
    admin::{self, Administration, UserPath},
    representations::{Member, Never, Profile, ProfilePatch, attributes_schema},
};
use cloud::{Cloud, SettingError};
use domain::{Accessor, AttributesSchema, StatedReason, User};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

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
    let schema = attributes_schema(cloud)?;
    Endpoint::new(cloud, administration.identities(), UpdateUser { administration, schema })
}

/// The changes and the reason. Missing members stay, `null` removes.
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
    /// The custom attributes of the service.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    attributes: Member<BTreeMap<String, Value>>,
    /// Only `null` is accepted, which removes the picture.
    #[serde(default)]
    #[schemars(with = "()")]
    picture: Member<Never>,
    /// The reason, kept with the user's events and shown to the user: 1 to 200 characters.
    reason: String,
}

impl UseCase for UpdateUser {
    const ROUTES: &'static [Route] = &[Route::patch("/v1/users/{id}")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::NotFound, ProblemType::ValidationFailed, ProblemType::VersionConflict];
    type Caller = Authorized<UsersWrite>;
    type Request = (Path<UserPath>, Body<Request>);
    type Response = WithEtag<Profile>;

    async fn run(
        &self,
        caller: Self::Caller,
        (Path(user), Body(request)): Self::Request,
    ) -> Result<Self::Response, Error> {
        let user = user.parse()?;
        let (patch, reason) = request.parse()?;
        let change = patch.parse(&self.schema, Accessor::Admin)?;
        let update = |user: &User| Ok(user.update(&change, Some(reason.clone()), caller.context())?);
        self.administration.action(&caller).change_user(user, update, Profile::with_etag).await
    }
}

impl Request {
    fn parse(self) -> Result<(ProfilePatch, StatedReason), Error> {
        let Self { first_name, last_name, locale, attributes, picture, reason } = self;
        let patch = ProfilePatch { first_name, last_name, locale, attributes, picture };
        Ok((patch, admin::reason(&reason)?))
    }
}
