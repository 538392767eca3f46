//! `POST /v1/me/email`: request a change of the e-mail address.
//!
//! A link in a mail proves the new address. The current address stays until the link is used, and is
//! notified. The response and its timing are the same for every address: whether it is taken is not checked
//! here.

use std::time::Duration;

use api::{Accepted, Authenticated, Body, Endpoint, Error, ProblemType, Route, UseCase};
use application::password::{Reauthenticated, Reauthentication};
use cloud::{Cloud, SettingError};
use domain::{Email, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{MailLimits, Store, retry_on_conflict};

/// The name of the limits, which other mails do not share.
const LIMIT: &str = "email-change";
const FIELD: &str = "/new_email";

/// Requests changes of addresses.
pub struct ChangeEmail {
    store: Store,
    reauthentication: Reauthentication,
    limits: MailLimits,
    lifetime: Duration,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ChangeEmail>, SettingError> {
    let store = Store::new(cloud)?;
    let identities = store.identities().clone();
    let change = ChangeEmail {
        reauthentication: Reauthentication::new(cloud, &identities)?,
        limits: MailLimits::new(cloud)?,
        store,
        lifetime: cloud.settings().seconds("VERIFICATION_LINK_SECONDS")?,
    };
    Endpoint::new(cloud, identities, change)
}

/// The new address, and the current password as proof.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(email, example = "ada@example.com")]
    new_email: String,
    #[schemars(with = "String", example = "correct horse battery")]
    password: Secret,
}

/// The response, the same for every address.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct Taken {
    status: &'static str,
}

/// The new address is the current one. Completes the sentence "`/new_email` …".
#[derive(Debug, thiserror::Error)]
#[error("is already your address")]
struct SameAddress;

impl UseCase for ChangeEmail {
    const ROUTES: &'static [Route] = &[Route::post("/v1/me/email")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::InvalidToken,
        ProblemType::RateLimited,
        ProblemType::ReauthenticationRequired,
        ProblemType::ValidationFailed,
    ];
    const TAKES_PASSWORD: bool = true;
    type Caller = Authenticated;
    type Request = Body<Request>;
    type Response = Accepted<Taken>;

    async fn warm(&self) {
        self.reauthentication.warm().await;
    }

    async fn run(&self, caller: Self::Caller, Body(request): Self::Request) -> Result<Self::Response, Error> {
        let email = Email::parse(&request.new_email);
        let email = email.map_err(|error| Error::field(FIELD, "invalid-email", &error))?;
        let proven = self.reauthentication.prove(&caller, &request.password).await?;
        require_another(&email, &proven)?;
        // After the password: an intruder who does not know it cannot use up the owner's mails.
        let limits = self.limits.by_user(LIMIT, caller.user_id, email.canonical(), &caller.head.client);
        self.store.identities().reserve(&limits, caller.head.now).await?;

        let request = retry_on_conflict(|attempt| self.request(attempt, &caller, &proven, &email));
        let (requested, ()) = tokio::join!(request, self.reauthentication.refund(caller.user_id));
        requested
    }
}

impl ChangeEmail {
    async fn request(
        &self,
        attempt: usize,
        caller: &Authenticated,
        proven: &Reauthenticated,
        email: &Email,
    ) -> Result<Accepted<Taken>, Error> {
        let proven = self.reauthentication.for_attempt(attempt, caller, proven).await?;
        require_another(email, &proven)?;
        let (request, link) =
            proven.user.request_email_change(email.clone(), self.lifetime, caller.context());
        let taken = Accepted(Taken { status: "verification_sent" });
        self.store.answering(caller.receipt(&taken)).request_email_change(&request, &link).await?;
        Ok(taken)
    }
}

fn require_another(email: &Email, proven: &Reauthenticated) -> Result<(), Error> {
    let is_same = email.canonical() == proven.user.email.canonical();
    if is_same { Err(Error::field(FIELD, "validation-failed", &SameAddress)) } else { Ok(()) }
}
