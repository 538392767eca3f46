//! `POST /v1/registrations/verify`: proves an address; the registration becomes a user.
//!
//! This is where the address is claimed. Of any number of registrations for one address, the first to be verified gets
//! it. The reader of the link owns the only password: they enter one now, or prove by the registration token that they
//! chose the one of the registration. A password that is refused does not use the link up.

use api::{
    Anyone, Body, Created, Endpoint, FieldProblem, Problem, ProblemType, Profile, Receipts, Route, UseCase,
};
use cloud::{Clock, Cloud, FromSecret, Random, SecretUnavailable, SettingError};
use credentials::{HashFailed, Hasher};
use domain::{
    Allowance, Applicant, Id, NewPassword, Password, PasswordRequired, Purpose, RegistrationId,
    RegistrationTokenHash, Secret,
};
use passwords::{Choice, NotChosen, Present};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{ClaimRefused, Failure, Limit, NotReserved, Store};
use thiserror::Error;
use tokens::{InvalidToken, LinkToken, RegistrationToken};

/// The kind of the limits of passwords that are entered.
const LIMIT: &str = "verify-registration";

/// Turns registrations into users.
pub struct VerifyRegistration {
    store: Store,
    hasher: FromSecret<Hasher>,
    choice: Choice,
    of_link: Allowance,
    from_source: Allowance,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<VerifyRegistration>, SettingError> {
    let (store, settings) = (Store::new(cloud)?, cloud.settings());
    let receipts = Receipts::new(cloud, store.identities()).sealed_by_credentials(cloud)?.limited();
    let verify = VerifyRegistration {
        store,
        hasher: passwords::hasher(cloud)?,
        choice: Choice::new(cloud)?,
        of_link: Allowance::of_guesses(settings.parsed("LOG_IN_ATTEMPTS_PER_ADDRESS")?),
        from_source: Allowance::of_source(settings.parsed("LOG_IN_ATTEMPTS_PER_IP")?),
        clock: cloud.clock(),
        random: cloud.random(),
    };
    Endpoint::changing(cloud, verify, receipts)?.with_log_hashes(cloud)
}

/// The token of the link that was mailed, and a registration token or a password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The token of the link that was mailed.
    #[schemars(with = "String")]
    token: Secret,
    /// The token that this client got when it registered: adopts the password and the names of the registration.
    #[schemars(with = "Option<String>")]
    registration_token: Option<Secret>,
    /// The password of the account. Required unless the registration token adopts one.
    #[schemars(with = "Option<String>", example = "correct horse battery")]
    password: Option<Secret>,
}

/// Why an address is not proven.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The token is invalid, its link was used, was replaced or has expired, or the address is taken. The holder of a
    /// link is not told which.
    #[error("the link is not good")]
    LinkInvalid,
    /// The password is missing or not acceptable.
    #[error("some fields are not acceptable")]
    Unacceptable(Vec<FieldProblem>),
    /// Too many passwords were entered.
    #[error(transparent)]
    NotReserved(#[from] NotReserved),
    /// The pepper could not be read.
    #[error("cannot load the pepper")]
    NoPepper(#[from] SecretUnavailable),
    /// The password could not be hashed.
    #[error("password hashing failed")]
    NoHash(#[from] HashFailed),
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for VerifyRegistration {
    const ROUTES: &'static [Route] = &[Route::post("/v1/registrations/verify")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::LinkInvalid, ProblemType::RateLimited, ProblemType::ValidationFailed];
    type Caller = Anyone;
    type Request = Body<Request>;
    type Response = Created<Profile>;
    type Refusal = Refusal;

    fn gate(&self) -> &() {
        &()
    }

    async fn warm(&self) {
        // A failure repeats at the first request, and is answered there.
        let _ = self.hasher.get().await;
    }

    async fn run(&self, caller: Anyone, Body(request): Body<Request>) -> Result<Created<Profile>, Refusal> {
        let password = request.password.as_ref().map(|password| self.choice.parse(password)).transpose();
        let password = password.map_err(NotChosen::Unacceptable)?;
        let token = LinkToken::parse(request.token.expose(), Purpose::VerifyRegistration)?;
        let (id, link): (RegistrationId, _) = (Id::from_uuid(token.subject()), token.hash());

        let now = self.clock.now();
        let limits = password.as_ref().map(|_| self.limits(id, &caller));
        let (registration, ()) = tokio::try_join!(
            async { Ok::<_, Refusal>(self.store.identities().registration(id).await?) },
            async { Ok(self.store.identities().reserve(limits.as_slice().as_flattened(), now).await?) }
        )?;
        let proven = registration.filter(|registration| registration.is_proven_by(&link, now));
        let adopted = proven.ok_or(Refusal::LinkInvalid)?.adopted_with(request.token_hash().as_ref());
        let chosen = match &password {
            Some(password) => Some(self.choose(password, &adopted.applicant).await?),
            None => None,
        };
        let cause = caller.cause(self.random.id(now), now);
        let (user, credential, event) = adopted.verify(chosen, cause)?;
        let created = Created(Profile::from(user.clone()));
        let store = self.store.answering(caller.receipt(&created));
        store.claim((id, &link, now), (&user, &credential), event).await?;

        Ok(created)
    }
}

impl VerifyRegistration {
    /// The limits of a password that is entered: a link that stays good must not be a licence to hash.
    fn limits(&self, id: RegistrationId, caller: &Anyone) -> [Limit; 2] {
        [
            Limit::of_registration(LIMIT, id, self.of_link),
            Limit::of_source(LIMIT, &caller.head.client, self.from_source),
        ]
    }

    async fn choose(&self, password: &Password, applicant: &Applicant) -> Result<NewPassword, Refusal> {
        let hasher = self.hasher.get().await?;
        let own = self.choice.own_words_of_applicant(applicant);
        Ok(self.choice.settle(&hasher, password, &own, Present::None, self.random.bytes()).await?)
    }
}

impl Request {
    /// A text that is not a registration token is as good as none: the password is asked for.
    fn token_hash(&self) -> Option<RegistrationTokenHash> {
        let token = self.registration_token.as_ref()?;
        RegistrationToken::parse(token).ok().map(|token| token.hash())
    }
}

impl From<InvalidToken> for Refusal {
    fn from(_: InvalidToken) -> Self {
        Self::LinkInvalid
    }
}

impl From<PasswordRequired> for Refusal {
    fn from(required: PasswordRequired) -> Self {
        Self::Unacceptable(vec![FieldProblem::new("/password", "password-required", &required)])
    }
}

impl From<NotChosen> for Refusal {
    fn from(not_chosen: NotChosen) -> Self {
        match not_chosen {
            NotChosen::Unacceptable(errors) => Self::Unacceptable(passwords::problems("/password", errors)),
            NotChosen::NoHash(failed) => Self::NoHash(failed),
        }
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
            Refusal::Unacceptable(fields) => Self::fields(fields),
            Refusal::NoPepper(_) => Self::unavailable(),
            Refusal::NoHash(_) => Self::failure(false),
            Refusal::NotReserved(NotReserved::TooMany(seconds)) => Self::rate_limited(seconds),
            Refusal::NotReserved(NotReserved::Failed(failure)) | Refusal::NotStored(failure) => {
                Self::failure(failure.is_retryable())
            }
        }
    }
}
