//! `POST /v1/sessions`: log in with a password.
//!
//! All invalid credentials get the same response after the same work; an unknown address costs the same hash.
//! Each attempt is counted before that work: against the address and the source, or against a device that has
//! logged in before.
//!
//! A suspended user learns about the suspension only with the right password.
//!
//! Logging in before the erasure is due cancels a deletion that the user requested, unless the user is
//! suspended.

mod browser;
mod proof;
mod start;

use api::{Anonymous, Body, CreatedWithCookie, Endpoint, Error, ProblemType, Route, UseCase};
use application::{
    oauth::Browser,
    password,
    representations::{Grant, Grants},
};
use cloud::{Cloud, FromSecret, SettingError};
use domain::{CanonicalEmail, Email, RateLimit, Secret, SessionLimits};
use hashing::Hasher;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::Store;

/// Starts sessions.
pub struct LogIn {
    store: Store,
    grants: Grants,
    browser: Browser,
    hasher: FromSecret<Hasher>,
    lifetimes: SessionLimits,
    /// The limit of an address, or a known device.
    guesses: RateLimit,
    /// The limit of a source.
    from_source: RateLimit,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<LogIn>, SettingError> {
    let (settings, store) = (cloud.settings(), Store::new(cloud)?);
    let identities = store.identities().clone();
    let log_in = LogIn {
        store,
        grants: Grants::new(cloud, &identities)?,
        browser: Browser::new(cloud, &identities)?,
        hasher: password::hasher(cloud)?,
        lifetimes: SessionLimits {
            idle: settings.seconds("SESSION_IDLE_SECONDS")?,
            absolute: settings.seconds("SESSION_ABSOLUTE_SECONDS")?,
        },
        guesses: RateLimit::of_guesses(settings.parsed("LOG_IN_ATTEMPTS_PER_ADDRESS")?),
        from_source: RateLimit::of_source(settings.parsed("LOG_IN_ATTEMPTS_PER_IP")?),
    };
    Endpoint::new(cloud, identities, log_in)
}

/// The credentials.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(email, example = "ada@example.com")]
    email: String,
    #[schemars(with = "String", example = "correct horse battery")]
    password: Secret,
    /// The token of an earlier log-in on the same device.
    #[schemars(with = "Option<String>")]
    device_token: Option<Secret>,
    /// The interaction that a page answers. The session is then the browser's, and the response says where to go on.
    interaction: Option<String>,
    /// Whether the browser stays signed in after it is closed.
    #[serde(default)]
    remember: bool,
}

/// A session that was started.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
#[schemars(inline)]
pub enum SignedIn {
    /// A session of an application, which keeps its tokens.
    Started(Started),
    /// A session of the browser, which keeps a cookie.
    Continued {
        /// The path to go on at.
        r#continue: String,
    },
}

/// A grant, and the token of the device.
#[derive(JsonSchema, Serialize)]
pub struct Started {
    #[serde(flatten)]
    grant: Grant,
    /// Send it with the next log-in on this device.
    device_token: String,
}

impl UseCase for LogIn {
    const ROUTES: &'static [Route] = &[Route::post("/v1/sessions")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::CrossOrigin,
        ProblemType::InteractionExpired,
        ProblemType::InvalidCredentials,
        ProblemType::AccountSuspended,
        ProblemType::RateLimited,
        ProblemType::ValidationFailed,
    ];
    const TAKES_PASSWORD: bool = true;
    type Caller = Anonymous;
    type Request = Body<Request>;
    type Response = CreatedWithCookie<SignedIn>;

    async fn warm(&self) {
        // A failure repeats at the first request, and is answered there.
        let _ = tokio::join!(self.grants.warm(), self.browser.warm(), self.hasher.get());
    }

    fn address(Body(request): &Body<Request>) -> Option<CanonicalEmail> {
        Email::parse(&request.email).ok().map(|email| email.canonical().clone())
    }

    async fn run(&self, caller: Self::Caller, Body(request): Self::Request) -> Result<Self::Response, Error> {
        let interaction = self.interaction(&caller, &request).await?;
        let email = Email::parse(&request.email);
        let email = email.map_err(|error| Error::field("/email", "invalid-email", &error))?;
        let (keys, hasher) = tokio::try_join!(self.grants.keys(), async { Ok(self.hasher.get().await?) })?;
        let proof = self.prove(&caller, &email, &request, &keys, &hasher).await?;
        let start = async {
            match &interaction {
                Some(interaction) => {
                    self.start_browser_session(&caller, &proof, interaction, request.remember).await
                }
                None => self.start_session(&caller, &keys, &proof).await,
            }
        };
        let (started, ()) = tokio::join!(start, self.refund(&proof.reserved));
        started
    }
}
