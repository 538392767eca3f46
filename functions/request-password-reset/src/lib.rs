//! `POST /v1/password-resets`: asks for a link to choose a new password.
//!
//! Only notes that somebody asked. Whether there is such a user is found out behind the bus, so that
//! neither the answer nor its time can tell.

use std::time::Duration;

use api::{Accepted, Anyone, Body, Endpoint, ProblemType, Route, UseCase};
use cloud::{Cloud, SettingError};
use domain::{CanonicalEmail, PasswordResetRequest};
use mail_requests::{Admitted, MailRequests, NotTaken, Request, Taken};

/// A request that no mail has answered within this time is forgotten: whoever still waits asks again.
const LIFETIME: Duration = Duration::from_hours(1);

/// Takes requests for a new password.
pub struct RequestPasswordReset {
    requests: MailRequests,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<RequestPasswordReset>, SettingError> {
    let requests = MailRequests::new(cloud)?;
    let receipts = requests.receipts(cloud)?;
    Endpoint::changing(cloud, RequestPasswordReset { requests }, receipts)?.with_log_hashes(cloud)
}

impl UseCase for RequestPasswordReset {
    const ROUTES: &'static [Route] = &[Route::post("/v1/password-resets")];
    const PROBLEMS: &'static [ProblemType] = NotTaken::PROBLEMS;
    type Caller = Anyone;
    type Request = Body<Request>;
    type Response = Accepted<Taken>;
    type Refusal = NotTaken;

    fn gate(&self) -> &() {
        &()
    }

    fn address(Body(request): &Body<Request>) -> Option<CanonicalEmail> {
        request.address()
    }

    async fn run(&self, caller: Anyone, Body(request): Body<Request>) -> Result<Accepted<Taken>, NotTaken> {
        let Admitted { email, cause } = self.requests.admit(&caller, &request, "reset").await?;
        let (request, event) = PasswordResetRequest::new(self.requests.id(&cause), &email, LIFETIME, cause);
        let taken = Taken::of("reset_sent");
        self.requests.answering(&caller, &taken).add_password_reset(&request, event).await?;
        Ok(taken)
    }
}
