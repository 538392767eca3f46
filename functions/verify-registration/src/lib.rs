//! `POST /v1/registrations/verify`: proves an address; the registration becomes a user.
//!
//! This is where the address is claimed. Of any number of registrations for one address, the first
//! to be verified gets it.

use api::{Anyone, Body, Created, Endpoint, Problem, ProblemType, Profile, Receipts, Route, UseCase};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{Id, Purpose, RegistrationId, Secret};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{ClaimRefused, Failure, Store};
use thiserror::Error;
use tokens::{InvalidToken, LinkToken};

/// Turns registrations into users.
pub struct VerifyRegistration {
    store: Store,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<VerifyRegistration>, SettingError> {
    let (store, clock, random) = (Store::new(cloud)?, cloud.clock(), cloud.random());
    let receipts = Receipts::new(cloud, store.identities());
    Endpoint::changing(cloud, VerifyRegistration { store, clock, random }, receipts)
}

/// The token of the link that was mailed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(with = "String")]
    token: Secret,
}

/// Why an address is not proven.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The token is none, or its link was used, replaced or has expired, or the address is taken:
    /// whoever holds a link is not told which.
    #[error("the link is not good")]
    LinkInvalid,
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for VerifyRegistration {
    const ROUTES: &'static [Route] = &[Route::post("/v1/registrations/verify")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::LinkInvalid];
    type Caller = Anyone;
    type Request = Body<Request>;
    type Response = Created<Profile>;
    type Refusal = Refusal;

    fn gate(&self) -> &() {
        &()
    }

    async fn run(&self, caller: Anyone, Body(request): Body<Request>) -> Result<Created<Profile>, Refusal> {
        let token = LinkToken::parse(request.token.expose(), Purpose::VerifyRegistration)?;
        let (id, link): (RegistrationId, _) = (Id::from_uuid(token.subject()), token.hash());

        let now = self.clock.now();
        let registration = self.store.identities().registration(id).await?;
        let proven = registration.filter(|registration| registration.is_proven_by(&link, now));
        let cause = caller.cause(self.random.id(now), now);
        let (user, credential, event) = proven.ok_or(Refusal::LinkInvalid)?.verify(cause);
        let created = Created(Profile::from(user.clone()));
        let store = self.store.answering(caller.receipt(&created));
        store.claim((id, &link, now), (&user, &credential), event).await?;

        Ok(created)
    }
}

impl From<InvalidToken> for Refusal {
    fn from(_: InvalidToken) -> Self {
        Self::LinkInvalid
    }
}

impl From<ClaimRefused> for Refusal {
    fn from(refused: ClaimRefused) -> Self {
        match refused {
            ClaimRefused::EmailTaken | ClaimRefused::LinkSpent => Self::LinkInvalid,
            ClaimRefused::Failed(failure) => Self::NotStored(failure),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::LinkInvalid => Self::of(ProblemType::LinkInvalid),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
