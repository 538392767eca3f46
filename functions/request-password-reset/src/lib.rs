//! `POST /v1/password-resets`: request a link to choose a new password.
//!
//! The request is only recorded. A consumer of the event looks up the user, so neither the response nor its
//! timing reveals whether there is one.

use std::time::Duration;

use api::{Accepted, Anonymous, Body, Endpoint, Error, ProblemType, Route, UseCase};
use application::mail_request::{MailAccepted, MailRequests, PROBLEMS, Request};
use cloud::{Cloud, SettingError};
use domain::{CanonicalEmail, PasswordResetRequest};

/// Requests without a mail within this time are dropped. A user who still waits can ask again.
const LIFETIME: Duration = Duration::from_hours(1);

/// Accepts requests for a password reset.
pub struct RequestPasswordReset(MailRequests);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<RequestPasswordReset>, SettingError> {
    let requests = MailRequests::new(cloud)?;
    Endpoint::new(cloud, requests.identities(), RequestPasswordReset(requests))
}

impl UseCase for RequestPasswordReset {
    const ROUTES: &'static [Route] = &[Route::post("/v1/password-resets")];
    const PROBLEMS: &'static [ProblemType] = PROBLEMS;
    type Caller = Anonymous;
    type Request = Body<Request>;
    type Response = Accepted<MailAccepted>;

    fn address(Body(request): &Body<Request>) -> Option<CanonicalEmail> {
        request.address()
    }

    async fn run(&self, caller: Self::Caller, Body(request): Self::Request) -> Result<Self::Response, Error> {
        let email = self.0.admit(&caller, &request, "reset").await?;
        let (request, event) =
            PasswordResetRequest::new(caller.head.new_id(), &email, LIFETIME, caller.context());
        let accepted = MailAccepted::of("reset_sent");
        self.0.answering(&caller, &accepted).add_password_reset(&request, &event).await?;
        Ok(accepted)
    }
}
