//! `GET /v1/me`: shows the user who is signed in.

use api::{
    AccessGate, Endpoint, Nothing, Problem, ProblemType, Profile, Route, SignedIn, UseCase, Versioned,
};
use cloud::{Cloud, SettingError};
use domain::Status;
use store::{Failure, Identities};
use thiserror::Error;

/// Shows profiles.
pub struct ReadProfile {
    identities: Identities,
    gate: AccessGate,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadProfile>, SettingError> {
    let identities = Identities::new(cloud)?;
    let gate = AccessGate::new(cloud, identities.key_reader())?;
    Endpoint::reading(cloud, ReadProfile { identities, gate })
}

/// Why no profile is shown.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The user is gone or may not sign in, and the token has not died yet.
    #[error("the user may not sign in")]
    NotActive,
    /// The table failed.
    #[error("not read")]
    NotRead(#[from] Failure),
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
        let user = self.identities.user(caller.user_id).await?;
        let user = user.filter(|user| user.status == Status::Active).ok_or(Refusal::NotActive)?;
        Ok(user.into())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotActive => Self::of(ProblemType::InvalidToken),
            Refusal::NotRead(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
