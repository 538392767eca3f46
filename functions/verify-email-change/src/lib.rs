//! `POST /v1/me/email/verify`: proves another address, which takes the place of the one before.
//!
//! The link alone is not enough: somebody who got it because an address was mistyped would have the
//! account. Every session ends, this one too.

use api::{
    AccessGate, Body, Endpoint, NotAdmitted, Problem, ProblemType, Profile, Receipts, Route, Shown, SignedIn,
    UseCase,
};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{AttributesSchema, Credential, Email, Link, LinkHash, Purpose, Secret, User};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Failure, LinkRefused, Store};
use thiserror::Error;
use tokens::{InvalidToken, LinkToken};

/// Changes addresses.
pub struct VerifyEmailChange {
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
pub fn function(cloud: &Cloud) -> Result<Endpoint<VerifyEmailChange>, SettingError> {
    let store = Store::new(cloud)?;
    let gate = AccessGate::new(cloud, store.identities())?;
    let schema = api::attributes_schema(cloud)?;
    let receipts = Receipts::new(cloud, store.identities());
    let (clock, random) = (cloud.clock(), cloud.random());
    Endpoint::changing(cloud, VerifyEmailChange { store, gate, schema, clock, random }, receipts)
}

/// The token of the link that was mailed to the new address.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(with = "String")]
    token: Secret,
}

/// Why the address stays as it is.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The token is none, or its link is another user's, or was used, replaced or taken back, or has
    /// expired.
    #[error("the link is not good")]
    LinkInvalid,
    /// Another account has the address. Whoever reads its mail may know that.
    #[error("the address is taken")]
    EmailTaken,
    /// The caller is not admitted.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
    /// Too many changes of this user at once.
    #[error("too many turns")]
    Contended,
}

impl UseCase for VerifyEmailChange {
    const ROUTES: &'static [Route] = &[Route::post("/v1/me/email/verify")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::LinkInvalid, ProblemType::EmailTaken, ProblemType::InvalidToken];
    type Caller = SignedIn;
    type Request = Body<Request>;
    type Response = Shown<Profile>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(&self, caller: SignedIn, Body(request): Body<Request>) -> Result<Shown<Profile>, Refusal> {
        let token = LinkToken::parse(request.token.expose(), Purpose::VerifyEmailChange)?;
        let link = token.hash();

        let now = self.clock.now();
        let event_id = self.random.id(now);
        for _turn in 0..store::TURNS {
            let (email, before, credential) = self.proven(&caller, &link).await?;
            let (after, claim, event) = before.change_email(&credential, email, caller.cause(event_id, now));
            let shown = Shown(Profile::for_owner(&after, &self.schema));
            // Every session ends, the caller's own included.
            let store = self.store.answering(caller.last_receipt(&shown));
            let change = store.change_email((&link, now), (&before, &after), (&credential, &claim), event);
            match change.await {
                Ok(()) => return Ok(shown),
                Err(LinkRefused::Stale) => {}
                Err(LinkRefused::Spent) => return Err(Refusal::LinkInvalid),
                Err(LinkRefused::EmailTaken) => return Err(Refusal::EmailTaken),
                Err(LinkRefused::Failed(failure)) => return Err(failure.into()),
            }
        }
        Err(Refusal::Contended)
    }
}

impl VerifyEmailChange {
    /// The address that the link proves, and whose it is to be. Only the caller's own link is looked at.
    async fn proven(
        &self,
        caller: &SignedIn,
        presented: &LinkHash,
    ) -> Result<(Email, User, Credential), Refusal> {
        let identities = self.store.identities();
        let (link, user) = tokio::try_join!(
            async { Ok::<_, Refusal>(identities.link(caller.user_id, Purpose::VerifyEmailChange).await?) },
            async { Ok(caller.user().await?) }
        )?;
        let now = self.clock.now();
        // A link to the address that the user has is spent: link and user may be of different moments.
        let is_good =
            |link: &Link| link.is(presented, now) && link.bound_to.canonical() != user.email.canonical();
        let link = link.filter(is_good).ok_or(Refusal::LinkInvalid)?;
        let credential = identities.credential(user.email.canonical()).await?;
        // If it is not the user's, a change of it has taken the link back.
        let credential = credential.filter(|credential| credential.proves(&user));
        Ok((link.bound_to, user, credential.ok_or(Refusal::LinkInvalid)?))
    }
}

impl From<InvalidToken> for Refusal {
    fn from(_: InvalidToken) -> Self {
        Self::LinkInvalid
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::LinkInvalid => Self::of(ProblemType::LinkInvalid),
            Refusal::EmailTaken => Self::of(ProblemType::EmailTaken),
            Refusal::NotAdmitted(refused) => refused.into(),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
            Refusal::Contended => Self::unavailable(),
        }
    }
}
