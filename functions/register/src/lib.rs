//! `POST /v1/registrations`: register with an e-mail address.
//!
//! A link in a mail proves the address. The response and its timing are the same for every address: whether
//! it is taken is not checked here. The response has a token with which the same client later adopts the
//! password and the names. Without the token, the reader of the mail chooses a password.

use std::time::Duration;

use api::{Accepted, Anonymous, Body, Endpoint, Error, FieldProblem, ProblemType, Route, UseCase};
use application::{
    password::{self, NewPasswordRules, Present},
    representations::{parse_locale, parse_person},
};
use cloud::{Cloud, FromSecret, SettingError};
use domain::{Applicant, CanonicalEmail, Email, NewPassword, Password, Registration, Secret};
use hashing::Hasher;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{MailLimits, Store};
use tokens::RegistrationToken;

const FIELD: &str = "/password";

/// Accepts registrations.
pub struct Register {
    store: Store,
    hasher: FromSecret<Hasher>,
    rules: NewPasswordRules,
    lifetime: Duration,
    limits: MailLimits,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<Register>, SettingError> {
    let store = Store::new(cloud)?;
    let identities = store.identities().clone();
    let register = Register {
        store,
        hasher: password::hasher(cloud)?,
        rules: NewPasswordRules::new(cloud)?,
        lifetime: cloud.settings().seconds("VERIFICATION_LINK_SECONDS")?,
        limits: MailLimits::new(cloud)?,
    };
    Endpoint::new(cloud, identities, register)
}

/// The applicant.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(email, example = "ada@example.com")]
    email: String,
    /// The password. It can also be chosen when the link is used.
    #[schemars(with = "Option<String>", example = "correct horse battery")]
    password: Option<Secret>,
    first_name: Option<String>,
    last_name: Option<String>,
    locale: Option<String>,
}

/// The response, the same for every address.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct Taken {
    status: &'static str,
    /// The token for `POST /v1/registrations/verify`. It adopts the password and the names; only this client
    /// may send it.
    registration_token: String,
}

impl UseCase for Register {
    const ROUTES: &'static [Route] = &[Route::post("/v1/registrations")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::RateLimited, ProblemType::ValidationFailed];
    const TAKES_PASSWORD: bool = true;
    type Caller = Anonymous;
    type Request = Body<Request>;
    type Response = Accepted<Taken>;

    async fn warm(&self) {
        // A failure repeats at the first request, and is answered there.
        let _ = self.hasher.get().await;
    }

    fn address(Body(request): &Body<Request>) -> Option<CanonicalEmail> {
        Email::parse(&request.email).ok().map(|email| email.canonical().clone())
    }

    async fn run(&self, caller: Self::Caller, Body(request): Self::Request) -> Result<Self::Response, Error> {
        let (applicant, password) = request.parse(&self.rules)?;
        // Each registration causes a mail to the address, and a hash.
        let limits = self.limits.of("registration", applicant.email.canonical(), &caller.head.client);
        self.store.identities().reserve(&limits, caller.head.now).await?;
        let password = match password {
            Some(password) => Some(self.hash(&caller, &password, &applicant).await?),
            None => None,
        };

        let token = RegistrationToken::new(caller.head.random_bytes());
        let (registration, event) = Registration::request(
            caller.head.new_id(),
            applicant,
            password,
            token.hash(),
            self.lifetime,
            caller.context(),
        );
        let registration_token = token.secret().expose().to_owned();
        let accepted = Accepted(Taken { status: "verification_sent", registration_token });
        self.store.answering(caller.receipt(&accepted)).add_registration(&registration, &event).await?;
        Ok(accepted)
    }
}

impl Register {
    async fn hash(
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
    fn parse(self, rules: &NewPasswordRules) -> Result<(Applicant, Option<Password>), Vec<FieldProblem>> {
        let mut wrong = Vec::new();
        let names = [self.first_name.as_deref(), self.last_name.as_deref()];
        let (email, [first_name, last_name]) = parse_person(&self.email, names, &mut wrong);
        let password = self.password.as_ref().map(|text| rules.parse(text)).transpose();
        let password =
            password.map_err(|errors| wrong.extend(password::problems(FIELD, errors))).ok().flatten();
        let locale = parse_locale(self.locale.as_deref(), &mut wrong);
        match email {
            Some(email) if wrong.is_empty() => {
                Ok((Applicant { email, first_name, last_name, locale }, password))
            }
            _ => Err(wrong),
        }
    }
}
