//! `POST /v1/me/email/verify`: replace the address with the one that a link proves.
//!
//! The link alone is not enough, because a mistyped address would give its owner the account. Every session
//! ends, including the one of the request.

use api::{Authenticated, Body, Endpoint, Error, Json, ProblemType, Route, UseCase};
use application::representations::{Profile, attributes_schema};
use cloud::{Cloud, SettingError};
use domain::{AttributesSchema, Credential, Email, Link, LinkHash, Purpose, Secret, User};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Store, retry_on_conflict};
use tokens::LinkToken;

/// Changes addresses.
pub struct VerifyEmailChange {
    store: Store,
    schema: AttributesSchema,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<VerifyEmailChange>, SettingError> {
    let (store, schema) = (Store::new(cloud)?, attributes_schema(cloud)?);
    Endpoint::new(cloud, store.identities().clone(), VerifyEmailChange { store, schema })
}

/// The token of the link, which was mailed to the new address.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(with = "String")]
    token: Secret,
}

impl UseCase for VerifyEmailChange {
    const ROUTES: &'static [Route] = &[Route::post("/v1/me/email/verify")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::LinkInvalid, ProblemType::EmailTaken, ProblemType::InvalidToken];
    type Caller = Authenticated;
    type Request = Body<Request>;
    type Response = Json<Profile>;

    async fn run(&self, caller: Self::Caller, Body(request): Self::Request) -> Result<Self::Response, Error> {
        let token = LinkToken::parse(request.token.expose(), Purpose::VerifyEmailChange);
        let link = token.map_err(|_| ProblemType::LinkInvalid)?.hash();
        retry_on_conflict(|_| async {
            let (email, user, credential) = self.proven(&caller, &link).await?;
            let change = user.change_email(&credential, email, caller.context());
            let shown = Json(Profile::for_owner(&change.user.after, &self.schema));
            // Every session ends, including the caller's own.
            self.store.answering(caller.last_receipt(&shown)).change_email(&link, &change).await?;
            Ok(shown)
        })
        .await
    }
}

impl VerifyEmailChange {
    /// Returns the address that the link proves, with the current user and credential. Only a link of the
    /// caller is accepted.
    async fn proven(
        &self,
        caller: &Authenticated,
        presented: &LinkHash,
    ) -> Result<(Email, User, Credential), Error> {
        let identities = self.store.identities();
        let (link, user) = tokio::try_join!(
            async { Ok(identities.link(caller.user_id, Purpose::VerifyEmailChange).await?) },
            caller.user()
        )?;
        // A link to the current address has been used: link and user may be read at different moments.
        let is_good = |link: &Link| {
            link.is(presented, caller.head.now) && link.bound_to.canonical() != user.email.canonical()
        };
        let link = link.filter(is_good).ok_or(ProblemType::LinkInvalid)?;
        let credential = identities.credential(user.email.canonical()).await?;
        // A credential that does not prove the user was replaced, which revokes the link.
        let credential = credential.filter(|credential| credential.proves(&user));
        Ok((link.bound_to, user, credential.ok_or(ProblemType::LinkInvalid)?))
    }
}
