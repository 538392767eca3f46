//! `PUT /v1/me/password`: replace the current password.
//!
//! Every other session ends. The session of the access token continues.

use api::{Authenticated, Body, Endpoint, Error, NoContent, ProblemType, Route, UseCase};
use application::password::{self, NewPasswordRules, Present, Reauthenticated, Reauthentication};
use cloud::{Cloud, SettingError};
use domain::{NewPassword, Secret};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Store, retry_on_conflict};

const FIELD: &str = "/new_password";

/// Changes passwords.
pub struct ChangePassword {
    store: Store,
    reauthentication: Reauthentication,
    rules: NewPasswordRules,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ChangePassword>, SettingError> {
    let store = Store::new(cloud)?;
    let identities = store.identities().clone();
    let (reauthentication, rules) =
        (Reauthentication::new(cloud, &identities)?, NewPasswordRules::new(cloud)?);
    Endpoint::new(cloud, identities, ChangePassword { store, reauthentication, rules })
}

/// The current password as proof, and the new one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(with = "String")]
    current_password: Secret,
    #[schemars(with = "String")]
    new_password: Secret,
}

impl UseCase for ChangePassword {
    const ROUTES: &'static [Route] = &[Route::put("/v1/me/password")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::InvalidToken,
        ProblemType::RateLimited,
        ProblemType::ReauthenticationRequired,
        ProblemType::ValidationFailed,
    ];
    const TAKES_PASSWORD: bool = true;
    type Caller = Authenticated;
    type Request = Body<Request>;
    type Response = NoContent;

    async fn warm(&self) {
        self.reauthentication.warm().await;
    }

    async fn run(&self, caller: Self::Caller, Body(request): Self::Request) -> Result<Self::Response, Error> {
        let password = self.rules.parse(&request.new_password);
        let password = password.map_err(|errors| password::problems(FIELD, errors))?;
        let proven = self.reauthentication.prove(&caller, &request.current_password).await?;
        let (hasher, salt) = (self.reauthentication.hasher().await?, caller.head.random_bytes());
        let own = self.rules.own_words_of(&proven.user);
        let new = self.rules.settle(&hasher, &password, &own, Present::Entered(&proven), salt).await;
        let new = new.map_err(|error| error.at(FIELD))?;

        let change = retry_on_conflict(|attempt| self.change(attempt, &caller, &proven, &new));
        let (changed, ()) = tokio::join!(change, self.reauthentication.refund(caller.user_id));
        changed
    }
}

impl ChangePassword {
    async fn change(
        &self,
        attempt: usize,
        caller: &Authenticated,
        proven: &Reauthenticated,
        new: &NewPassword,
    ) -> Result<NoContent, Error> {
        let Reauthenticated { user, credential, .. } =
            self.reauthentication.for_attempt(attempt, caller, proven).await?;
        let kept = caller.session_id;
        let change = user.change_password(&credential, new.clone(), kept, caller.context());
        self.store.answering(caller.receipt(&NoContent)).change_password(kept, &change).await?;
        Ok(NoContent)
    }
}
