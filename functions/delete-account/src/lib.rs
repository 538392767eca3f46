//! `DELETE /v1/me`: delete my account; requires the current password.
//!
//! Every session ends. The user is erased after `DeletionGraceDays`; logging in before then cancels the
//! deletion. The last administrator cannot delete their account.

use std::time::Duration;

use api::{Authenticated, Body, Endpoint, Error, NoContent, ProblemType, Route, UseCase};
use application::password::{Reauthenticated, Reauthentication};
use cloud::{Cloud, SettingError};
use domain::Secret;
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Store, retry_on_conflict};

const DAY: Duration = Duration::from_hours(24);

/// Deletes accounts.
pub struct DeleteAccount {
    store: Store,
    reauthentication: Reauthentication,
    grace: Duration,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<DeleteAccount>, SettingError> {
    let store = Store::new(cloud)?;
    let identities = store.identities().clone();
    let reauthentication = Reauthentication::new(cloud, &identities)?;
    let grace = DAY * cloud.settings().parsed::<u32>("DELETION_GRACE_DAYS")?;
    Endpoint::new(cloud, identities, DeleteAccount { store, reauthentication, grace })
}

/// The current password as proof.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(with = "String")]
    password: Secret,
}

impl UseCase for DeleteAccount {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/me")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::InvalidToken,
        ProblemType::LastAdministrator,
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
        let proven = self.reauthentication.prove(&caller, &request.password).await?;
        let delete = retry_on_conflict(|attempt| self.delete(attempt, &caller, &proven));
        let (deleted, ()) = tokio::join!(delete, self.reauthentication.refund(caller.user_id));
        deleted
    }
}

impl DeleteAccount {
    async fn delete(
        &self,
        attempt: usize,
        caller: &Authenticated,
        proven: &Reauthenticated,
    ) -> Result<NoContent, Error> {
        let proven = self.reauthentication.for_attempt(attempt, caller, proven).await?;
        let deletion = proven.user.request_deletion(self.grace, caller.context());
        self.store.answering(caller.last_receipt(&NoContent)).change_user(&deletion).await?;
        Ok(NoContent)
    }
}
