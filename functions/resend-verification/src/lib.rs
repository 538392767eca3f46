//! `POST /v1/registrations/resend`: asks for the verification mail again.
//!
//! Only notes that somebody asked. Whether there is anything to verify is found out behind the bus, so that
//! neither the answer nor its time can tell.

use std::time::Duration;

use api::{Accepted, Anyone, Body, Endpoint, ProblemType, Route, UseCase};
use cloud::{Cloud, SettingError};
use domain::{CanonicalEmail, ResendRequest};
use mail_requests::{Admitted, MailRequests, NotTaken, Request, Taken};

/// A request that no mail has answered within this time is forgotten.
const LIFETIME: Duration = Duration::from_hours(24);

/// Takes requests to mail again.
pub struct ResendVerification {
    requests: MailRequests,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ResendVerification>, SettingError> {
    let requests = MailRequests::new(cloud)?;
    let receipts = requests.receipts(cloud)?;
    Endpoint::changing(cloud, ResendVerification { requests }, receipts)?.with_log_hashes(cloud)
}

impl UseCase for ResendVerification {
    const ROUTES: &'static [Route] = &[Route::post("/v1/registrations/resend")];
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
        let Admitted { email, cause } = self.requests.admit(&caller, &request, "resend").await?;
        let (request, event) = ResendRequest::new(self.requests.id(&cause), &email, LIFETIME, cause);
        let taken = Taken::of("verification_sent");
        self.requests.answering(&caller, &taken).add_resend(&request, event).await?;
        Ok(taken)
    }
}
