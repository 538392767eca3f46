//! `POST /v1/users`: makes somebody a user, who chooses a password by the link of a mail.
//!
//! An administrator neither sets a password nor sees a link. The address is claimed at once; until the link is
//! followed no password opens the account. Roles take the right to give roles as well.

mod request;

use administration::Administration;
use api::{Authorized, Body, CreatedAt, Endpoint, Error, ProblemType, Profile, Route, UseCase, UsersWrite};
use cloud::{Cloud, SettingError};
use store::{MailLimits, retry_on_conflict};

pub use crate::request::Request;

/// The kind of its limits: apart from those of other mails.
const LIMIT: &str = "invitation";

/// Makes users.
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
            &newcomer.invite(credentials::nothing(), wanted.reason.clone(), caller.context());
        let limits =
            self.limits.by_administrator(LIMIT, caller.user_id, user.email.canonical(), &caller.head.client);
        let action = &self.administration.action(&caller).limited_by(limits);
        retry_on_conflict(|attempt| async move {
            let authority = action.authority().await?;
            wanted.may_be_made_by(&authority, user)?;
            if attempt == 0 {
                // Only a caller who may do it uses up a limit.
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
