//! `PUT /v1/me/password`: puts a new password in the place of the present one.
//!
//! Every other session ends with it; the one of the access token goes on.

use api::{
    AccessGate, Body, Endpoint, FieldProblem, NoContent, Problem, ProblemType, Receipts, Route, SignedIn,
    UseCase,
};
use cloud::{Clock, Cloud, Random, SecretUnavailable, SettingError};
use credentials::HashFailed;
use domain::{NewPassword, Secret};
use passwords::{Choice, NotChosen, NotProven, Present, Proven, Reentry};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Failure, KeptEnded, Refused, Store};
use thiserror::Error;

/// Changes passwords.
pub struct ChangePassword {
    store: Store,
    gate: AccessGate,
    reentry: Reentry,
    choice: Choice,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ChangePassword>, SettingError> {
    let store = Store::new(cloud)?;
    let receipts = Receipts::new(cloud, store.identities()).sealed_by_credentials(cloud)?.limited();
    let change = ChangePassword {
        gate: AccessGate::new(cloud, store.identities())?,
        reentry: Reentry::new(cloud, store.identities())?,
        store,
        choice: Choice::new(cloud)?,
        clock: cloud.clock(),
        random: cloud.random(),
    };
    Endpoint::changing(cloud, change, receipts)?.with_log_hashes(cloud)
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

/// Why the password stays as it is.
#[derive(Debug, Error)]
pub enum Refusal {
    /// Whether it is the user who asks is not known.
    #[error(transparent)]
    NotProven(#[from] NotProven),
    /// The new password is not acceptable.
    #[error("some fields are not acceptable")]
    Unacceptable(Vec<FieldProblem>),
    /// The session of the access token has ended, and the token has not died yet.
    #[error("the session has ended")]
    Ended,
    /// The pepper could not be read.
    #[error("no pepper")]
    NoPepper(#[from] SecretUnavailable),
    /// The password could not be hashed.
    #[error("no hash")]
    NoHash(#[from] HashFailed),
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
    /// Too many changes of this user at once.
    #[error("too many turns")]
    Contended,
}

impl UseCase for ChangePassword {
    const ROUTES: &'static [Route] = &[Route::put("/v1/me/password")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::InvalidToken,
        ProblemType::RateLimited,
        ProblemType::ReauthenticationRequired,
        ProblemType::ValidationFailed,
    ];
    type Caller = SignedIn;
    type Request = Body<Request>;
    type Response = NoContent;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn warm(&self) {
        self.reentry.warm().await;
    }

    async fn run(&self, caller: SignedIn, Body(request): Body<Request>) -> Result<NoContent, Refusal> {
        let password = self.choice.parse(&request.new_password).map_err(NotChosen::Unacceptable)?;
        let proven = self.reentry.prove(&caller, &request.current_password).await?;
        let (hasher, salt) = (self.reentry.hasher().await?, self.random.bytes());
        let own = self.choice.own_words_of(&proven.user);
        let new = self.choice.settle(&hasher, &password, &own, Present::Entered(&proven), salt).await?;

        let (changed, ()) =
            tokio::join!(self.change(&caller, proven, new), self.reentry.forgive(caller.user_id));
        changed
    }
}

impl ChangePassword {
    async fn change(
        &self,
        caller: &SignedIn,
        mut proven: Proven,
        new: NewPassword,
    ) -> Result<NoContent, Refusal> {
        let now = self.clock.now();
        let (kept, event_id) = (caller.session_id, self.random.id(now));
        for _turn in 0..store::TURNS {
            let Proven { user, credential, .. } = &proven;
            let (after, renewed, event) =
                user.change_password(credential, new.clone(), kept, caller.cause(event_id, now));
            let store = self.store.answering(caller.receipt(&NoContent));
            match store.change_password(kept, (user, &after), (credential, &renewed), event).await {
                Ok(()) => return Ok(NoContent),
                Err(KeptEnded::Ended) => return Err(Refusal::Ended),
                Err(KeptEnded::Refused(Refused::Stale)) => {
                    proven = self.reentry.again(caller, proven).await?;
                }
                Err(KeptEnded::Refused(Refused::Failed(failure))) => return Err(failure.into()),
            }
        }
        Err(Refusal::Contended)
    }
}

impl From<NotChosen> for Refusal {
    fn from(not_chosen: NotChosen) -> Self {
        match not_chosen {
            NotChosen::Unacceptable(errors) => {
                Self::Unacceptable(passwords::problems("/new_password", errors))
            }
            NotChosen::NoHash(failed) => Self::NoHash(failed),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotProven(not_proven) => not_proven.into(),
            Refusal::Unacceptable(fields) => Self::fields(fields),
            Refusal::Ended => Self::of(ProblemType::InvalidToken),
            Refusal::NoPepper(_) | Refusal::Contended => Self::unavailable(),
            Refusal::NoHash(_) => Self::failure(false),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
