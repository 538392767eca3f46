//! `POST /v1/users`: create a user, who chooses a password with a link in a mail.
//!
//! The administrator neither sets a password nor sees the link. The address is claimed immediately. No
//! password opens the account until the link has been used. Assigning roles also requires `roles:write`.

mod request;

use api::{Authorized, Body, CreatedAt, Endpoint, Error, ProblemType, Route, UseCase, UsersWrite};
use application::{admin::Administration, representations::Profile};
use cloud::{Cloud, SettingError};
use store::{MailLimits, retry_on_conflict};

pub use crate::request::Request;

/// The name of the limits, which other mails do not share.
const LIMIT: &str = "invitation";

/// Creates users.
pub struct CreateUser {
    administration: Administration,
    limits: MailLimits,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<CreateUser>, SettingError> {
    let administration = Administration::new(cloud)?;
    let identities = administration.identities();
    Endpoint::new(cloud, identities, CreateUser { administration, limits: MailLimits::new(cloud)? })
}

impl UseCase for CreateUser {
    const ROUTES: &'static [Route] = &[Route::post("/v1/users")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::EmailTaken, ProblemType::RateLimited, ProblemType::ValidationFailed];
    type Caller = Authorized<UsersWrite>;
    type Request = Body<Request>;
    type Response = CreatedAt<Profile>;

    async fn run(&self, caller: Self::Caller, Body(request): Self::Request) -> Result<Self::Response, Error> {
        let wanted = &request.parse()?;
        let newcomer = wanted.newcomer(caller.head.new_id(), caller.head.now);
        let (user, credential, event) =
            &newcomer.invite(hashing::nothing(), wanted.reason.clone(), caller.context());
        let limits =
            self.limits.by_administrator(LIMIT, caller.user_id, user.email.canonical(), &caller.head.client);
        let action = &self.administration.action(&caller).limited_by(limits);
        retry_on_conflict(|attempt| async move {
            let authority = action.authority().await?;
            wanted.may_be_made_by(&authority, user)?;
            if attempt == 0 {
                // Only an authorized caller uses up a limit.
                action.reserve().await?;
            }
            let place = format!("/v1/users/{}", user.id);
            let created = CreatedAt { version: user.version, place, content: user.clone().into() };
            action.answering(&created, false, &authority).add_user(user, credential, event).await?;
            Ok(created)
        })
        .await
    }
}
