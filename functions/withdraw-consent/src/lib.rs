//! `DELETE /v1/me/grants/{client_id}`: withdraw the consent to an application.
//!
//! Every grant of the application for the user ends, also those that outlive a session. The application has to ask again.

use api::{Authenticated, Endpoint, Error, NoContent, Path, ProblemType, Route, UseCase};
use cloud::{Cloud, SettingError};
use domain::oauth::{ClientId, Consent};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Store, retry_on_conflict};

/// Withdraws a consent of the caller.
pub struct WithdrawConsent(Store);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<WithdrawConsent>, SettingError> {
    let store = Store::new(cloud)?;
    Endpoint::new(cloud, store.identities().clone(), WithdrawConsent(store))
}

/// The application.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    client_id: String,
}

impl UseCase for WithdrawConsent {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/me/grants/{client_id}")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound];
    type Caller = Authenticated;
    type Request = Path<Request>;
    type Response = NoContent;

    async fn run(&self, caller: Self::Caller, Path(request): Self::Request) -> Result<Self::Response, Error> {
        let client = ClientId::parse(&request.client_id).map_err(|_| ProblemType::NotFound)?;
        retry_on_conflict(|_| async {
            let user = caller.user().await?;
            let consent = self.0.identities().consent(user.id, &client).await?;
            let consent = consent.filter(|consent| !consent.scope.is_empty()).ok_or(ProblemType::NotFound)?;
            let (withdrawn, change) = Consent::withdraw(&consent, &user, caller.context());
            let commands = self.0.answering(caller.receipt(&NoContent));
            commands.put_consent(Some(&consent), &withdrawn, &change).await?;
            Ok(NoContent)
        })
        .await
    }
}
