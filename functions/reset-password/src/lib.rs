//! `POST /v1/password-resets/confirm`: puts a new password in the place of a forgotten one, or gives somebody who
//! was invited their first.
//!
//! The link stands for the owner of the address, who has not proven more: nobody is signed in by it.
//! Every session ends. A password that is not acceptable does not use the link up.

use api::{Anyone, Body, Endpoint, FieldProblem, NoContent, Problem, ProblemType, Receipts, Route, UseCase};
use cloud::{Clock, Cloud, FromSecret, Random, SecretUnavailable, SettingError, chain};
use credentials::{HashFailed, Hasher};
use domain::{
    Allowance, CanonicalEmail, Credential, Id, LinkHash, NewPassword, Purpose, Secret, User, UserId,
};
use passwords::{Choice, NotChosen, Present};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Failure, Limit, LinkRefused, NotReserved, Store};
use thiserror::Error;
use tokens::LinkToken;
use tracing::warn;

/// The kind of the limits.
const LIMIT: &str = "reset-password";

/// Resets passwords.
pub struct ResetPassword {
    store: Store,
    hasher: FromSecret<Hasher>,
    choice: Choice,
    guesses: Allowance,
    from_source: Allowance,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ResetPassword>, SettingError> {
    let (settings, store) = (cloud.settings(), Store::new(cloud)?);
    let receipts = Receipts::new(cloud, store.identities()).sealed_by_credentials(cloud)?.limited();
    let reset = ResetPassword {
        store,
        hasher: passwords::hasher(cloud)?,
        choice: Choice::new(cloud)?,
        guesses: Allowance::of_guesses(settings.parsed("LOG_IN_ATTEMPTS_PER_ADDRESS")?),
        from_source: Allowance::of_source(settings.parsed("LOG_IN_ATTEMPTS_PER_IP")?),
        clock: cloud.clock(),
        random: cloud.random(),
    };
    Endpoint::changing(cloud, reset, receipts)?.with_log_hashes(cloud)
}

/// The token of the link that was mailed, and what to log in with from now on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(with = "String")]
    token: Secret,
    #[schemars(with = "String")]
    new_password: Secret,
}

/// A link that may permit it.
struct PresentedLink {
    user_id: UserId,
    purpose: Purpose,
    hash: LinkHash,
}

/// Why the password stays as it is.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The token is none, or its link was used, replaced or taken back, has expired, speaks for an
    /// address that is the user's no more, or is of before something ended every session: whoever holds a link is not told which.
    #[error("the link is not good")]
    LinkInvalid,
    /// The new password is not acceptable.
    #[error("some fields are not acceptable")]
    Unacceptable(Vec<FieldProblem>),
    /// Too many passwords were refused.
    #[error(transparent)]
    NotReserved(#[from] NotReserved),
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

impl UseCase for ResetPassword {
    const ROUTES: &'static [Route] = &[Route::post("/v1/password-resets/confirm")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::LinkInvalid, ProblemType::RateLimited, ProblemType::ValidationFailed];
    type Caller = Anyone;
    type Request = Body<Request>;
    type Response = NoContent;
    type Refusal = Refusal;

    fn gate(&self) -> &() {
        &()
    }

    async fn warm(&self) {
        // What fails here fails again, and is answered, at the first request.
        let _ = self.hasher.get().await;
    }

    async fn run(&self, caller: Anyone, Body(request): Body<Request>) -> Result<NoContent, Refusal> {
        let password = self.choice.parse(&request.new_password).map_err(NotChosen::Unacceptable)?;
        let link = PresentedLink::parse(&request.token)?;
        let user = self.user(&link).await?;
        let limits = self.limits(&caller, &user);
        let (credential, ()) = tokio::try_join!(self.credential(&user), async {
            Ok::<_, Refusal>(self.store.identities().reserve(&limits, self.clock.now()).await?)
        })?;
        let (hasher, salt) = (self.hasher.get().await?, self.random.bytes());
        let own = self.choice.own_words_of(&user);
        let new = self.choice.settle(&hasher, &password, &own, Present::Hashed(&credential), salt).await?;

        let email = credential.email.clone();
        let (reset, ()) = tokio::join!(
            self.reset(&caller, &link, new, (user, credential)),
            self.forgive_guesses(&email, limits)
        );
        reset
    }
}

impl ResetPassword {
    /// Counts the attempts to choose a password by a good link, each of which takes hashes. A link that is not good
    /// takes none, and closes no door to the user whom it names.
    fn limits(&self, caller: &Anyone, user: &User) -> [Limit; 2] {
        [
            Limit::of_user(LIMIT, user.id, self.guesses),
            Limit::of_source(LIMIT, &caller.head.client, self.from_source),
        ]
    }

    /// The user whose link it is, if it is still good and speaks for the user's address.
    async fn user(&self, presented: &PresentedLink) -> Result<User, Refusal> {
        let PresentedLink { user_id, purpose, hash } = presented;
        let identities = self.store.identities();
        let (link, user) = tokio::try_join!(identities.link(*user_id, *purpose), identities.user(*user_id))?;
        // The line of the log names the user even if the link is refused.
        if let Some(user) = &user {
            cloud::put_user(user.id);
        }
        let now = self.clock.now();
        let link = link.filter(|link| link.is(hash, now)).ok_or(Refusal::LinkInvalid)?;
        // An invitation gives the first password, and takes the place of none.
        let is_open = |user: &User| *purpose != Purpose::AcceptInvitation || user.invited_at.is_some();
        let user = user.filter(|user| user.may_reset_password() && link.is_bound_to(user) && is_open(user));
        user.ok_or(Refusal::LinkInvalid)
    }

    /// If it is not the user's, a change of it has taken the link back.
    async fn credential(&self, user: &User) -> Result<Credential, Refusal> {
        let credential = self.store.identities().credential(user.email.canonical()).await?;
        credential.filter(|credential| credential.proves(user)).ok_or(Refusal::LinkInvalid)
    }

    async fn reset(
        &self,
        caller: &Anyone,
        link: &PresentedLink,
        new: NewPassword,
        (mut user, mut credential): (User, Credential),
    ) -> Result<NoContent, Refusal> {
        let now = self.clock.now();
        let event_id = self.random.id(now);
        for _turn in 0..store::TURNS {
            let (after, renewed, event) =
                user.reset_password(&credential, new.clone(), caller.cause(event_id, now));
            let store = self.store.answering(caller.receipt(&NoContent));
            let consumed = (link.purpose, &link.hash, now);
            match store.reset_password(consumed, (&user, &after), (&credential, &renewed), event).await {
                Ok(()) => return Ok(NoContent),
                Err(LinkRefused::Stale) => {
                    user = self.user(link).await?;
                    credential = self.credential(&user).await?;
                }
                Err(LinkRefused::Spent | LinkRefused::EmailTaken) => return Err(Refusal::LinkInvalid),
                Err(LinkRefused::Failed(failure)) => return Err(failure.into()),
            }
        }
        Err(Refusal::Contended)
    }

    /// Takes back the attempts, and those to log in with the password that is gone: a user who has just proven the
    /// address need not wait because of others. If this fails, the user waits.
    async fn forgive_guesses(&self, email: &CanonicalEmail, reserved: [Limit; 2]) {
        let [of_user, of_source] = reserved;
        let log_in = Limit::of_address("log-in", email, self.guesses);
        if let Err(failure) = self.store.identities().forgive(&[of_user, of_source, log_in]).await {
            warn!(cause = chain(&failure), "attempts were not forgiven");
        }
    }
}

impl PresentedLink {
    fn parse(token: &Secret) -> Result<Self, Refusal> {
        let of = |purpose| LinkToken::parse(token.expose(), purpose).map(|token| (purpose, token)).ok();
        let (purpose, token) = [Purpose::ResetPassword, Purpose::AcceptInvitation]
            .into_iter()
            .find_map(of)
            .ok_or(Refusal::LinkInvalid)?;
        Ok(Self { user_id: Id::from_uuid(token.subject()), purpose, hash: token.hash() })
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
            Refusal::LinkInvalid => Self::of(ProblemType::LinkInvalid),
            Refusal::Unacceptable(fields) => Self::fields(fields),
            Refusal::NoPepper(_) | Refusal::Contended => Self::unavailable(),
            Refusal::NoHash(_) => Self::failure(false),
            Refusal::NotReserved(NotReserved::TooMany(seconds)) => Self::rate_limited(seconds),
            Refusal::NotReserved(NotReserved::Failed(failure)) | Refusal::NotStored(failure) => {
                Self::failure(failure.is_retryable())
            }
        }
    }
}
