//! `PATCH /v1/me`: changes the profile of the user who is signed in, by a JSON Merge Patch (RFC 7396).

use api::{
    AccessGate, Body, Endpoint, FieldProblem, NotAdmitted, Problem, ProblemType, Profile, ProfilePatch,
    Receipts, Route, SignedIn, UseCase, Versioned,
};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{Accessor, AttributesSchema, InvalidAttribute, User};
use store::{Failure, Refused, Store};
use thiserror::Error;

/// Changes profiles.
pub struct UpdateProfile {
    store: Store,
    gate: AccessGate,
    schema: AttributesSchema,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<UpdateProfile>, SettingError> {
    let store = Store::new(cloud)?;
    let gate = AccessGate::new(cloud, store.identities())?;
    let schema = api::attributes_schema(cloud)?;
    let receipts = Receipts::new(cloud, store.identities());
    let (clock, random) = (cloud.clock(), cloud.random());
    Endpoint::changing(cloud, UpdateProfile { store, gate, schema, clock, random }, receipts)
}

/// Why a profile is not changed.
#[derive(Debug, Error)]
pub enum Refusal {
    /// Some fields are not acceptable: all of them, at once.
    #[error("some fields are not acceptable")]
    Unacceptable(Vec<FieldProblem>),
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

impl UseCase for UpdateProfile {
    const ROUTES: &'static [Route] = &[Route::patch("/v1/me")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::ValidationFailed, ProblemType::InvalidToken, ProblemType::VersionConflict];
    type Caller = SignedIn;
    type Request = Body<ProfilePatch>;
    type Response = Versioned<Profile>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(
        &self,
        caller: SignedIn,
        Body(patch): Body<ProfilePatch>,
    ) -> Result<Versioned<Profile>, Refusal> {
        let change = patch.parse(&self.schema, Accessor::User).map_err(Refusal::Unacceptable)?;
        let now = self.clock.now();
        let cause = caller.cause(self.random.id(now), now);
        for _turn in 0..store::TURNS {
            let before = user(&caller).await?;
            let Some((after, event)) = before.update(&change, None, cause.clone())? else {
                let shown = Versioned::for_owner(&before, &self.schema);
                self.store.identities().keep_receipt(caller.receipt(&shown), now).await?;
                return Ok(shown);
            };
            let shown = Versioned::for_owner(&after, &self.schema);
            match self.store.answering(caller.receipt(&shown)).update_user((&before, &after), event).await {
                Ok(()) => return Ok(shown),
                // Fields that this change does not name stay as the other one has left them.
                Err(Refused::Stale) => {}
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

impl From<InvalidAttribute> for Refusal {
    fn from(error: InvalidAttribute) -> Self {
        Self::Unacceptable(vec![error.into()])
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unacceptable(fields) => Self::fields(fields),
            Refusal::NotAdmitted(refused) => refused.into(),
            Refusal::Changed => Self::of(ProblemType::VersionConflict),
            Refusal::Contended => Self::unavailable(),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
