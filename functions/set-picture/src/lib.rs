//! `PUT /v1/me/picture`: make my upload my picture.
//!
//! The picture is rendered again from its pixels, without the metadata of the file such as places, names and
//! scripts. The request deletes the upload, even if it fails.

mod colour;
mod jpeg;
mod limits;
mod lossless;
mod png;
mod render;
mod source;
mod square;
mod webp;

use api::{Authenticated, Endpoint, Error, Nothing, ProblemType, Route, UseCase, WithEtag};
use application::representations::{Profile, attributes_schema};
use cloud::{Cloud, SettingError, Uploads, chain};
use domain::{AttributesSchema, RateLimit, User};
use store::{Limit, Store, retry_on_conflict};
use tokio::task;

use limits::Unacceptable;

/// Sets pictures.
pub struct SetPicture {
    store: Store,
    uploads: Uploads,
    schema: AttributesSchema,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<SetPicture>, SettingError> {
    let (store, uploads) = (Store::new(cloud)?, Uploads::new(cloud)?);
    let schema = attributes_schema(cloud)?;
    Endpoint::new(cloud, store.identities().clone(), SetPicture { store, uploads, schema })
}

impl UseCase for SetPicture {
    const ROUTES: &'static [Route] = &[Route::put("/v1/me/picture")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::InvalidToken,
        ProblemType::UploadMissing,
        ProblemType::PictureUnacceptable,
        ProblemType::RateLimited,
        ProblemType::VersionConflict,
    ];
    type Caller = Authenticated;
    type Request = Nothing;
    type Response = WithEtag<Profile>;

    async fn run(&self, caller: Self::Caller, _: Self::Request) -> Result<Self::Response, Error> {
        let user = caller.user_to_change().await?;
        let limit = Limit::of_user("picture", caller.user_id, RateLimit::of_pictures());
        self.store.identities().reserve(&[limit], caller.head.now).await?;
        let upload = self.uploads.read(caller.user_id).await?.ok_or(ProblemType::UploadMissing)?;
        let set = match self.render(upload).await {
            Ok(picture) => self.set(&caller, user, &picture).await,
            Err(Unacceptable) => Err(ProblemType::PictureUnacceptable.into()),
        };
        self.discard_upload(&caller).await;
        set
    }
}

impl SetPicture {
    /// Deletes the upload, also after a refusal or a failure. If that fails, each further call costs an
    /// attempt, and the bucket deletes the upload within two days.
    async fn discard_upload(&self, caller: &Authenticated) {
        if let Err(fault) = self.uploads.delete(caller.user_id).await {
            tracing::warn!(cause = chain(&fault), "failed to delete an upload");
        }
    }

    async fn render(&self, upload: Vec<u8>) -> Result<Vec<u8>, Unacceptable> {
        // A decoder that panics cannot read the file.
        task::spawn_blocking(move || render::render(upload)).await.unwrap_or(Err(Unacceptable))
    }

    /// Sets the picture of `user`. A retry reads the user again, and keeps concurrent changes.
    async fn set(
        &self,
        caller: &Authenticated,
        user: User,
        octets: &[u8],
    ) -> Result<WithEtag<Profile>, Error> {
        let (picture, user) = (caller.head.new_id(), &user);
        retry_on_conflict(|attempt| async move {
            let user = if attempt == 0 { user.clone() } else { caller.user_to_change().await? };
            let change = user.set_picture(picture, caller.context());
            let shown = Profile::with_etag_for_owner(&change.after, &self.schema);
            self.store.answering(caller.receipt(&shown)).set_picture(&change, octets).await?;
            Ok(shown)
        })
        .await
    }
}
