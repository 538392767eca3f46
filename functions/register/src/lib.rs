//! `POST /v1/registrations`: takes a registration; the mail that proves the address follows.
//!
//! Never looks whether the address is taken: the answer and its time are the same for everyone. The answer has a
//! token by which the same client later adopts the password and the names; without it, the reader of the mail
//! chooses a password.

use std::time::Duration;

use api::{
    Accepted, Anyone, Body, Endpoint, FieldProblem, Problem, ProblemType, Receipts, Route, UseCase,
    parse_locale, parse_person,
};
use cloud::{Clock, Cloud, FromSecret, Random, SecretUnavailable, SettingError};
use credentials::{HashFailed, Hasher};
use domain::{Applicant, CanonicalEmail, Email, NewPassword, Password, Registration, Secret};
use passwords::{Choice, NotChosen, Present};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Failure, MailLimits, NotReserved, Store};
use thiserror::Error;
use tokens::RegistrationToken;

/// Takes registrations.
pub struct Register {
    store: Store,
    hasher: FromSecret<Hasher>,
    choice: Choice,
    lifetime: Duration,
    limits: MailLimits,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<Register>, SettingError> {
    let settings = cloud.settings();
    let store = Store::new(cloud)?;
    let receipts = Receipts::new(cloud, store.identities()).sealed_by_credentials(cloud)?.limited();
    let register = Register {
        store,
        hasher: passwords::hasher(cloud)?,
        choice: Choice::new(cloud)?,
        lifetime: settings.seconds("VERIFICATION_LINK_SECONDS")?,
        limits: MailLimits::new(cloud)?,
        clock: cloud.clock(),
        random: cloud.random(),
    };
    Endpoint::changing(cloud, register, receipts)?.with_log_hashes(cloud)
}

/// Who wants an account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(email, example = "ada@example.com")]
    email: String,
    /// The password, which can also be chosen when the link is followed.
    #[schemars(with = "Option<String>", example = "correct horse battery")]
    password: Option<Secret>,
    first_name: Option<String>,
    last_name: Option<String>,
    locale: Option<String>,
}

/// The same for everyone.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct Taken {
    status: &'static str,
    /// For `POST /v1/registrations/verify`, by this client only: adopts the password and the names.
    registration_token: String,
}

/// Why a registration is not taken.
#[derive(Debug, Error)]
pub enum Refusal {
    /// Some fields are not acceptable: all of them, at once.
    #[error("some fields are not acceptable")]
    Unacceptable(Vec<FieldProblem>),
    /// The pepper could not be read.
    #[error("no pepper")]
    NoPepper(#[from] SecretUnavailable),
    /// The password could not be hashed.
    #[error("no hash")]
    NoHash(#[from] HashFailed),
    /// Too many were made.
    #[error(transparent)]
    NotReserved(#[from] NotReserved),
    /// It could not be stored.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for Register {
    const ROUTES: &'static [Route] = &[Route::post("/v1/registrations")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::RateLimited, ProblemType::ValidationFailed];
    type Caller = Anyone;
    type Request = Body<Request>;
    type Response = Accepted<Taken>;
    type Refusal = Refusal;

    fn gate(&self) -> &() {
        &()
    }

    async fn warm(&self) {
        // What fails here fails again, and is answered, at the first request.
        let _ = self.hasher.get().await;
    }

    fn address(Body(request): &Body<Request>) -> Option<CanonicalEmail> {
        Email::parse(&request.email).ok().map(|email| email.canonical().clone())
    }

    async fn run(&self, caller: Anyone, Body(request): Body<Request>) -> Result<Accepted<Taken>, Refusal> {
        let (applicant, password) = request.parse(&self.choice).map_err(Refusal::Unacceptable)?;
        // Each registration is a mail to whom it names, and a hash.
        let limits = self.limits.of("registration", applicant.email.canonical(), &caller.head.client);
        self.store.identities().reserve(&limits, self.clock.now()).await?;
        let password = match password {
            Some(password) => Some(self.settle(&password, &applicant).await?),
            None => None,
        };

        let now = self.clock.now();
        let cause = caller.cause(self.random.id(now), now);
        let token = RegistrationToken::new(self.random.bytes());
        let (registration, event) = Registration::request(
            self.random.id(now),
            applicant,
            password,
            token.hash(),
            self.lifetime,
            cause,
        );
        let registration_token = token.secret().expose().to_owned();
        let accepted = Accepted(Taken { status: "verification_sent", registration_token });
        self.store.answering(caller.receipt(&accepted)).add_registration(&registration, event).await?;

        Ok(accepted)
    }
}

impl Register {
    async fn settle(&self, password: &Password, applicant: &Applicant) -> Result<NewPassword, Refusal> {
        let hasher = self.hasher.get().await?;
        let own = self.choice.own_words_of_applicant(applicant);
        Ok(self.choice.settle(&hasher, password, &own, Present::None, self.random.bytes()).await?)
    }
}

impl Request {
    fn parse(self, choice: &Choice) -> Result<(Applicant, Option<Password>), Vec<FieldProblem>> {
        let mut wrong = Vec::new();
        let names = [self.first_name.as_deref(), self.last_name.as_deref()];
        let (email, [first_name, last_name]) = parse_person(&self.email, names, &mut wrong);
        let password = self.password.as_ref().map(|text| choice.parse(text)).transpose();
        let password =
            password.map_err(|errors| wrong.extend(passwords::problems("/password", errors))).ok().flatten();
        let locale = parse_locale(self.locale.as_deref(), &mut wrong);
        match email {
            Some(email) if wrong.is_empty() => {
                Ok((Applicant { email, first_name, last_name, locale }, password))
            }
            _ => Err(wrong),
        }
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

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
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
