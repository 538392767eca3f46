//! `POST /v1/registrations`: takes a registration; the mail that proves the address follows.
//!
//! Never looks whether the address is taken: the answer and its time are the same for everyone.

use std::time::Duration;

use api::{Accepted, Anyone, Endpoint, FieldProblem, Problem, Route, UseCase};
use cloud::{Clock, Cloud, FromSecret, Random, SecretUnavailable, SettingError};
use credentials::{HashFailed, Hasher, Parameters};
use domain::{Email, InvalidPassword, Name, OwnWords, Password, Registration, Secret};
use serde::{Deserialize, Serialize};
use store::{Failure, Store};
use thiserror::Error;

/// Takes registrations.
pub struct Register {
    store: Store,
    hasher: FromSecret<Hasher>,
    /// The service's own name, which no password may rest on.
    service: String,
    lifetime: Duration,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<Register>, SettingError> {
    let settings = cloud.settings();
    let parameters =
        Parameters::new(settings.parsed("ARGON2_MEMORY_KIB")?, settings.parsed("ARGON2_ITERATIONS")?)
            .map_err(|_| {
                SettingError::new("ARGON2_MEMORY_KIB", "and ARGON2_ITERATIONS are too weak together")
            })?;
    let register = Register {
        store: Store::new(cloud)?,
        hasher: FromSecret::new(cloud, move |seeds| Some(Hasher::new(parameters, seeds)))?,
        service: settings.text("SERVICE_NAME")?,
        lifetime: settings.seconds("VERIFICATION_LINK_SECONDS")?,
        clock: cloud.clock(),
        random: cloud.random(),
    };
    Endpoint::new(cloud, register)
}

/// Who wants an account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    email: String,
    password: Secret,
    first_name: Option<String>,
    last_name: Option<String>,
}

/// The same for everyone.
#[derive(Serialize)]
pub struct Taken {
    status: &'static str,
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
    /// It could not be stored.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for Register {
    const ROUTES: &'static [Route] = &[Route::post("/v1/registrations")];
    type Caller = Anyone;
    type Request = Request;
    type Response = Accepted<Taken>;
    type Refusal = Refusal;

    fn gate(&self) -> &() {
        &()
    }

    async fn warm(&self) {
        // What fails here fails again, and is answered, at the first request.
        let _ = self.hasher.get().await;
    }

    async fn run(&self, caller: Anyone, request: Request) -> Result<Accepted<Taken>, Refusal> {
        let (person, password) = request.parse(&self.service).map_err(Refusal::Unacceptable)?;
        let hash = self.hasher.get().await?.hash(&password, self.random.bytes()).await?;

        let now = self.clock.now();
        let cause = caller.cause(self.random.id(now), now);
        let (registration, event) =
            Registration::request(self.random.id(now), person, hash, self.lifetime, cause);
        self.store.add_registration(&registration, event).await?;

        Ok(Accepted(Taken { status: "verification_sent" }))
    }
}

type Person = (Email, Option<Name>, Option<Name>);

impl Request {
    fn parse(self, service: &str) -> Result<(Person, Password), Vec<FieldProblem>> {
        let mut wrong = Vec::new();
        let email = Email::parse(&self.email)
            .map_err(|error| wrong.push(FieldProblem::new("/email", "invalid-email", &error)))
            .ok();
        let own = OwnWords::new(service, email.as_ref().map(Email::canonical));
        let password = Password::choose(&self.password, &own)
            .map_err(|errors| wrong.extend(errors.into_iter().map(password_problem)))
            .ok();
        let mut name = |pointer: &str, text: Option<String>| {
            let parsed = text.as_deref().map(Name::parse).transpose();
            parsed
                .map_err(|error| wrong.push(FieldProblem::new(pointer, "validation-failed", &error)))
                .ok()
                .flatten()
        };
        let (first, last) = (name("/first_name", self.first_name), name("/last_name", self.last_name));
        match (email, password) {
            (Some(email), Some(password)) if wrong.is_empty() => Ok(((email, first, last), password)),
            _ => Err(wrong),
        }
    }
}

fn password_problem(error: InvalidPassword) -> FieldProblem {
    let code = match error {
        InvalidPassword::TooShort => "password-too-short",
        InvalidPassword::TooLong => "password-too-long",
        InvalidPassword::Blocklisted => "password-blocklisted",
        InvalidPassword::ControlCharacter => "validation-failed",
    };
    FieldProblem::new("/password", code, &error)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unacceptable(fields) => Self::fields(fields),
            Refusal::NoPepper(_) => Self::unavailable(),
            Refusal::NoHash(_) => Self::failure(false),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
