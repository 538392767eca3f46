//! `POST /v1/users/{id}/reactivate`: lets a user sign in again who was suspended, or deleted by an administrator and not
//! erased yet.
//!
//! Ended sessions stay ended. A user who was suspended before they were deleted is suspended again first. A deletion that the
//! user asked for stays pending; they cancel it by logging in, once they are not suspended.

use administration::{Administration, ReasonBody};
use api::{
    Authorized, Body, Endpoint, Error, Path, ProblemType, Profile, Route, UseCase, UserPath, UsersWrite,
    WithEtag,
};
use cloud::{Cloud, SettingError};
use domain::User;
use store::MailLimits;

/// The kind of the limits. Each reactivation mails the user and permits the next suspension, which mails as well, so two
/// routes in turns could mail without end. Suspending itself is not limited: it must always work.
const LIMIT: &str = "reactivation";

/// Reactivates users.
pub struct ReactivateUser {
    administration: Administration,
    limits: MailLimits,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReactivateUser>, SettingError> {
    let administration = Administration::new(cloud)?;
    let identities = administration.identities();
    Endpoint::new(cloud, identities, ReactivateUser { administration, limits: MailLimits::new(cloud)? })
}

impl UseCase for ReactivateUser {
    const ROUTES: &'static [Route] = &[Route::post("/v1/users/{id}/reactivate")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::NotFound,
        ProblemType::RateLimited,
        ProblemType::ValidationFailed,
        ProblemType::VersionConflict,
    ];
    type Caller = Authorized<UsersWrite>;
    type Request = (Path<UserPath>, Body<ReasonBody>);
    type Response = WithEtag<Profile>;

    async fn run(
        &self,
        caller: Self::Caller,
        (Path(user), Body(body)): Self::Request,
    ) -> Result<Self::Response, Error> {
        let (user, reason) = (user.parse()?, body.parse()?);
        let limits = self.limits.to_user(LIMIT, caller.user_id, user, &caller.head.client);
        let reactivate = |user: &User| Ok(user.reactivate(reason.clone(), caller.context()));
        let action = self.administration.action(&caller).limited_by(limits);
        action.bring_user_back(user, reactivate, WithEtag::from).await
    }
}
