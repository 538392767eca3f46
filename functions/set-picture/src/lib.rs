//! `PUT /v1/me/picture`: makes the signed-in user's upload their picture.
//!
//! The picture is drawn again from the pixels, without the rest of the file (places, names, scripts). An upload is
//! deleted by the call that reads it, also if the call fails.

mod colour;
mod jpeg;
mod limits;
mod lossless;
mod png;
mod render;
mod source;
mod square;
mod webp;

use api::{
    AccessGate, Endpoint, NotAdmitted, Nothing, Problem, ProblemType, Profile, Receipts, Route, SignedIn,
    UseCase, Versioned,
};
use cloud::{Clock, Cloud, Fault, Random, SettingError, Uploads, chain};
use domain::{Allowance, AttributesSchema, Timestamp, User};
use store::{Failure, Limit, NotReserved, Refused, Store};
use thiserror::Error;
use tokio::task;

use limits::Unacceptable;

/// Sets pictures.
pub struct SetPicture {
    store: Store,
    uploads: Uploads,
    gate: AccessGate,
    schema: AttributesSchema,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<SetPicture>, SettingError> {
    let store = Store::new(cloud)?;
    let gate = AccessGate::new(cloud, store.identities())?;
    let schema = api::attributes_schema(cloud)?;
    let receipts = Receipts::new(cloud, store.identities());
    let (uploads, clock, random) = (Uploads::new(cloud)?, cloud.clock(), cloud.random());
    Endpoint::changing(cloud, SetPicture { store, uploads, gate, schema, clock, random }, receipts)
}

/// Why a user's picture stays as it is.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The user has tried too often.
    #[error(transparent)]
    NotReserved(#[from] NotReserved),
    /// Nothing was uploaded, or the upload is used up.
    #[error("nothing was uploaded")]
    UploadMissing,
    /// The upload cannot be read.
    #[error("the upload was not read")]
    UploadNotRead(#[from] Fault),
    /// The upload is not a picture, or not one within the limits.
    #[error(transparent)]
    Unacceptable(#[from] Unacceptable),
    /// The caller is not admitted.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
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

impl UseCase for SetPicture {
    const ROUTES: &'static [Route] = &[Route::put("/v1/me/picture")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::InvalidToken,
        ProblemType::UploadMissing,
        ProblemType::PictureUnacceptable,
        ProblemType::RateLimited,
        ProblemType::VersionConflict,
    ];
    type Caller = SignedIn;
    type Request = Nothing;
    type Response = Versioned<Profile>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(&self, caller: SignedIn, _: Nothing) -> Result<Versioned<Profile>, Refusal> {
        let user = user(&caller).await?;
        let now = self.clock.now();
        let limit = Limit::of_user("picture", caller.user_id, Allowance::of_pictures());
        self.store.identities().reserve(&[limit], now).await?;
        let upload = self.uploads.read(caller.user_id).await?.ok_or(Refusal::UploadMissing)?;
        let set = match self.render(upload).await {
            Ok(picture) => self.set(&caller, user, &picture, now).await,
            Err(unacceptable) => Err(unacceptable.into()),
        };
        self.discard_upload(&caller).await;
        set
    }
}

impl SetPicture {
    /// Deletes the upload, also after a refusal or a failure. If that fails, each further call costs an attempt, and the
    /// bucket deletes the upload within two days.
    async fn discard_upload(&self, caller: &SignedIn) {
        if let Err(fault) = self.uploads.delete(caller.user_id).await {
            tracing::warn!(cause = chain(&fault), "failed to delete an upload");
        }
    }

    async fn render(&self, upload: Vec<u8>) -> Result<Vec<u8>, Unacceptable> {
        // A decoder that panics has met a file that it cannot read.
        task::spawn_blocking(move || render::render(upload)).await.unwrap_or(Err(Unacceptable))
    }

    async fn set(
        &self,
        caller: &SignedIn,
        mut before: User,
        octets: &[u8],
        now: Timestamp,
    ) -> Result<Versioned<Profile>, Refusal> {
        let (picture, cause) = (self.random.id(now), caller.cause(self.random.id(now), now));
        for _turn in 0..store::TURNS {
            let (after, event) = before.set_picture(picture, cause.clone());
            let shown = Versioned::for_owner(&after, &self.schema);
            let store = self.store.answering(caller.receipt(&shown));
            match store.set_picture((&before, &after), octets, event).await {
                Ok(()) => return Ok(shown),
                // Other changes of the user stay.
                Err(Refused::Stale) => before = user(caller).await?,
                Err(Refused::Failed(failure)) => return Err(failure.into()),
            }
        }
        Err(Refusal::Contended)
    }
}

/// Returns the caller, if the request is for the present version.
async fn user(caller: &SignedIn) -> Result<User, Refusal> {
    let user = caller.user().await?;
    if caller.head.is_for_version(user.version) { Ok(user) } else { Err(Refusal::Changed) }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotReserved(NotReserved::TooMany(seconds)) => Self::rate_limited(seconds),
            Refusal::NotReserved(NotReserved::Failed(failure)) | Refusal::NotStored(failure) => {
                Self::failure(failure.is_retryable())
            }
            Refusal::UploadMissing => Self::of(ProblemType::UploadMissing),
            Refusal::UploadNotRead(fault) => Self::failure(fault.is_transient()),
            Refusal::Unacceptable(_) => Self::of(ProblemType::PictureUnacceptable),
            Refusal::NotAdmitted(refused) => refused.into(),
            Refusal::Changed => Self::of(ProblemType::VersionConflict),
            Refusal::Contended => Self::unavailable(),
        }
    }
}
