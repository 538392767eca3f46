//! `GET /v1/me`: shows the user who is signed in.

use api::{
    AccessGate, Endpoint, NotAdmitted, Nothing, Problem, ProblemType, Profile, Route, SignedIn, UseCase,
    Versioned,
};
use cloud::{Cloud, SettingError};
use domain::AttributesSchema;
use store::Identities;
use thiserror::Error;

/// Shows profiles.
pub struct ReadProfile {
    gate: AccessGate,
    schema: AttributesSchema,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadProfile>, SettingError> {
    let gate = AccessGate::new(cloud, &Identities::new(cloud)?)?;
    let schema = api::attributes_schema(cloud)?;
    Endpoint::reading(cloud, ReadProfile { gate, schema })
}

/// Why no profile is shown.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The caller is not admitted.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
}

impl UseCase for ReadProfile {
    const ROUTES: &'static [Route] = &[Route::get("/v1/me")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidToken];
    type Caller = SignedIn;
    type Request = Nothing;
    type Response = Versioned<Profile>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(&self, caller: SignedIn, _: Nothing) -> Result<Versioned<Profile>, Refusal> {
        Ok(Versioned::for_owner(&caller.user().await?, &self.schema))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotAdmitted(refused) => refused.into(),
        }
    }
}
