//! `PUT /v1/me/password`: puts a new password in the place of the present one.
//!
//! Every other session ends with it; the one of the access token goes on.

use api::{Authenticated, Body, Endpoint, Error, NoContent, ProblemType, Route, UseCase};
use cloud::{Cloud, SettingError};
use domain::{NewPassword, Secret};
use passwords::{Choice, Present, Proven, Reentry};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Store, retry_on_conflict};

const FIELD: &str = "/new_password";

/// Changes passwords.
pub struct ChangePassword {
    store: Store,
    reentry: Reentry,
    choice: Choice,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ChangePassword>, SettingError> {
    let store = Store::new(cloud)?;
    let identities = store.identities().clone();
    let (reentry, choice) = (Reentry::new(cloud, &identities)?, Choice::new(cloud)?);
    Endpoint::new(cloud, identities, ChangePassword { store, reentry, choice })
}

/// What proves the user, and what is to do so from now on.
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
        self.reentry.warm().await;
    }

    async fn run(&self, caller: Self::Caller, Body(request): Self::Request) -> Result<Self::Response, Error> {
        let password = self.choice.parse(&request.new_password);
        let password = password.map_err(|errors| passwords::problems(FIELD, errors))?;
        let proven = self.reentry.prove(&caller, &request.current_password).await?;
        let (hasher, salt) = (self.reentry.hasher().await?, caller.head.random_bytes());
        let own = self.choice.own_words_of(&proven.user);
        let new = self.choice.settle(&hasher, &password, &own, Present::Entered(&proven), salt).await;
        let new = new.map_err(|error| error.at(FIELD))?;

        let change = retry_on_conflict(|attempt| self.change(attempt, &caller, &proven, &new));
        let (changed, ()) = tokio::join!(change, self.reentry.refund(caller.user_id));
        changed
    }
}

impl ChangePassword {
    async fn change(
        &self,
        attempt: usize,
        caller: &Authenticated,
        proven: &Proven,
        new: &NewPassword,
    ) -> Result<NoContent, Error> {
        let Proven { user, credential, .. } = self.reentry.for_attempt(attempt, caller, proven).await?;
        let kept = caller.session_id;
        let change = user.change_password(&credential, new.clone(), kept, caller.context());
        self.store.answering(caller.receipt(&NoContent)).change_password(kept, &change).await?;
        Ok(NoContent)
    }
}
