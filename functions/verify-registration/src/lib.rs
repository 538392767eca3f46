//! `POST /v1/registrations/verify`: verify an address and create the user.
//!
//! This request claims the address: the first registration to be verified gets it. The reader of the link
//! owns the only password. They enter it now, or prove with the registration token that they chose the one of
//! the registration. A refused password does not use up the link.

use api::{Anonymous, Body, Created, Endpoint, Error, ProblemType, Route, UseCase};
use application::{
    password::{self, NewPasswordRules, Present},
    representations::Profile,
};
use cloud::{Cloud, FromSecret, SettingError};
use domain::{
    Applicant, Id, NewPassword, Password, Purpose, RateLimit, RegistrationId, RegistrationTokenHash, Secret,
};
use hashing::Hasher;
use schemars::JsonSchema;
use serde::Deserialize;
use store::{CommitError, Limit, Store};
use tokens::{LinkToken, RegistrationToken};

/// The name of the limits of entered passwords.
const LIMIT: &str = "verify-registration";
const FIELD: &str = "/password";

/// Turns registrations into users.
pub struct VerifyRegistration {
    store: Store,
    hasher: FromSecret<Hasher>,
    rules: NewPasswordRules,
    of_link: RateLimit,
    from_source: RateLimit,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<VerifyRegistration>, SettingError> {
    let (store, settings) = (Store::new(cloud)?, cloud.settings());
    let identities = store.identities().clone();
    let verify = VerifyRegistration {
        store,
        hasher: password::hasher(cloud)?,
        rules: NewPasswordRules::new(cloud)?,
        of_link: RateLimit::of_guesses(settings.parsed("LOG_IN_ATTEMPTS_PER_ADDRESS")?),
        from_source: RateLimit::of_source(settings.parsed("LOG_IN_ATTEMPTS_PER_IP")?),
    };
    Endpoint::new(cloud, identities, verify)
}

/// The token of the link, and a registration token or a password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The token of the link.
    #[schemars(with = "String")]
    token: Secret,
    /// The token of the registration response. It adopts the password and the names of the registration.
    #[schemars(with = "Option<String>")]
    registration_token: Option<Secret>,
    /// The password of the account. Required unless the registration token adopts one.
    #[schemars(with = "Option<String>", example = "correct horse battery")]
    password: Option<Secret>,
}

impl UseCase for VerifyRegistration {
    const ROUTES: &'static [Route] = &[Route::post("/v1/registrations/verify")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::LinkInvalid, ProblemType::RateLimited, ProblemType::ValidationFailed];
    const TAKES_PASSWORD: bool = true;
    type Caller = Anonymous;
    type Request = Body<Request>;
    type Response = Created<Profile>;

    async fn warm(&self) {
        // A failure repeats at the first request, and is answered there.
        let _ = self.hasher.get().await;
    }

    /// Refuses the link without a reason: it is invalid, was used or replaced, has expired, or the address is
    /// taken.
    async fn run(&self, caller: Self::Caller, Body(request): Self::Request) -> Result<Self::Response, Error> {
        let password = request.password.as_ref().map(|password| self.rules.parse(password)).transpose();
        let password = password.map_err(|errors| password::problems(FIELD, errors))?;
        let token = LinkToken::parse(request.token.expose(), Purpose::VerifyRegistration)
            .map_err(|_| ProblemType::LinkInvalid)?;
        let (id, link): (RegistrationId, _) = (Id::from_uuid(token.subject()), token.hash());

        let now = caller.head.now;
        let limits = password.as_ref().map(|_| self.limits(id, &caller));
        let (registration, ()) = tokio::try_join!(
            async { Ok::<_, Error>(self.store.identities().registration(id).await?) },
            async { Ok(self.store.identities().reserve(limits.as_slice().as_flattened(), now).await?) }
        )?;
        let proven = registration.filter(|registration| registration.is_proven_by(&link, now));
        let adopted = proven.ok_or(ProblemType::LinkInvalid)?.adopted_with(request.token_hash().as_ref());
        let chosen = match &password {
            Some(password) => Some(self.choose(&caller, password, &adopted.applicant).await?),
            None => None,
        };
        let verified = adopted.verify(chosen, caller.context());
        let (user, credential, event) =
            verified.map_err(|required| Error::field(FIELD, "password-required", &required))?;
        let created = Created(Profile::from(user.clone()));
        let commands = self.store.answering(caller.receipt(&created));
        match commands.claim(id, &link, &user, &credential, &event).await {
            Err(CommitError::Rejected(_)) => Err(ProblemType::LinkInvalid.into()),
            committed => Ok(committed.map(|()| created)?),
        }
    }
}

impl VerifyRegistration {
    /// The limits of an entered password. Each one costs a hash, and a refused password does not use up the
    /// link.
    fn limits(&self, id: RegistrationId, caller: &Anonymous) -> [Limit; 2] {
        [
            Limit::of_registration(LIMIT, id, self.of_link),
            Limit::of_source(LIMIT, &caller.head.client, self.from_source),
        ]
    }

    async fn choose(
        &self,
        caller: &Anonymous,
        password: &Password,
        applicant: &Applicant,
    ) -> Result<NewPassword, Error> {
        let (hasher, salt) = (self.hasher.get().await?, caller.head.random_bytes());
        let own = self.rules.own_words_of_applicant(applicant);
        let new = self.rules.settle(&hasher, password, &own, Present::None, salt).await;
        new.map_err(|error| error.at(FIELD))
    }
}

impl Request {
    /// Ignores a malformed registration token, so that the password is asked for.
    fn token_hash(&self) -> Option<RegistrationTokenHash> {
        let token = self.registration_token.as_ref()?;
        RegistrationToken::parse(token).ok().map(|token| token.hash())
    }
}
