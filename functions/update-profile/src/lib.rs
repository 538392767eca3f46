//! `PATCH /v1/me`: update my profile with a JSON Merge Patch (RFC 7396).

use api::{Authenticated, Body, Endpoint, Error, ProblemType, Route, UseCase, WithEtag};
use application::representations::{Profile, ProfilePatch, attributes_schema};
use cloud::{Cloud, SettingError};
use domain::{Accessor, AttributesSchema};
use store::{Store, retry_on_conflict};

/// Updates the profile of the caller.
pub struct UpdateProfile {
    store: Store,
    schema: AttributesSchema,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<UpdateProfile>, SettingError> {
    let (store, schema) = (Store::new(cloud)?, attributes_schema(cloud)?);
    Endpoint::new(cloud, store.identities().clone(), UpdateProfile { store, schema })
}

impl UseCase for UpdateProfile {
    const ROUTES: &'static [Route] = &[Route::patch("/v1/me")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::ValidationFailed, ProblemType::InvalidToken, ProblemType::VersionConflict];
    type Caller = Authenticated;
    type Request = Body<ProfilePatch>;
    type Response = WithEtag<Profile>;

    async fn run(&self, caller: Self::Caller, Body(patch): Self::Request) -> Result<Self::Response, Error> {
        let change = patch.parse(&self.schema, Accessor::User)?;
        // A retry keeps concurrent changes of other fields.
        retry_on_conflict(|_| async {
            let user = caller.user_to_change().await?;
            let Some(update) = user.update(&change, None, caller.context())? else {
                let shown = Profile::with_etag_for_owner(&user, &self.schema);
                let receipt = caller.receipt(&shown);
                self.store.identities().keep_receipt(receipt, caller.head.now).await?;
                return Ok(shown);
            };
            let shown = Profile::with_etag_for_owner(&update.after, &self.schema);
            self.store.answering(caller.receipt(&shown)).update_user(&update).await?;
            Ok(shown)
        })
        .await
    }
}
