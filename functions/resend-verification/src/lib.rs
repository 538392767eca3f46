//! `POST /v1/registrations/resend`: request the verification mail again.
//!
//! The request is only recorded. A consumer of the event looks up the registration, so neither the response
//! nor its timing reveals whether there is one.

use std::time::Duration;

use api::{Accepted, Anonymous, Body, Endpoint, Error, ProblemType, Route, UseCase};
use application::mail_request::{MailAccepted, MailRequests, PROBLEMS, Request};
use cloud::{Cloud, SettingError};
use domain::{CanonicalEmail, ResendRequest};

/// Requests without a mail within this time are dropped.
const LIFETIME: Duration = Duration::from_hours(24);

/// Accepts requests for another verification mail.
pub struct ResendVerification(MailRequests);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ResendVerification>, SettingError> {
    let requests = MailRequests::new(cloud)?;
    Endpoint::new(cloud, requests.identities(), ResendVerification(requests))
}

impl UseCase for ResendVerification {
    const ROUTES: &'static [Route] = &[Route::post("/v1/registrations/resend")];
    const PROBLEMS: &'static [ProblemType] = PROBLEMS;
    type Caller = Anonymous;
    type Request = Body<Request>;
    type Response = Accepted<MailAccepted>;

    fn address(Body(request): &Body<Request>) -> Option<CanonicalEmail> {
        request.address()
    }

    async fn run(&self, caller: Self::Caller, Body(request): Self::Request) -> Result<Self::Response, Error> {
        let email = self.0.admit(&caller, &request, "resend").await?;
        let (request, event) = ResendRequest::new(caller.head.new_id(), &email, LIFETIME, caller.context());
        let accepted = MailAccepted::of("verification_sent");
        self.0.answering(&caller, &accepted).add_resend(&request, &event).await?;
        Ok(accepted)
    }
}
