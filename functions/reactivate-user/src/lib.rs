//! `POST /v1/users/{id}/reactivate`: lift a suspension, or cancel a deletion by an administrator.
//!
//! Ended sessions stay ended. Reactivating a user who was suspended and then deleted first restores the
//! suspension; reactivate again to lift it. A deletion that the user requested stays pending: the user
//! cancels it by logging in, once they are not suspended.

use api::{Authorized, Body, Endpoint, Error, Path, ProblemType, Route, UseCase, UsersWrite, WithEtag};
use application::{
    admin::{Administration, ReasonBody, UserPath},
    representations::Profile,
};
use cloud::{Cloud, SettingError};
use domain::User;
use store::MailLimits;

/// The name of the limits. Each reactivation sends a mail and permits the next suspension, which sends a mail
/// too, so alternating calls could send mails without end. Suspending is not limited, because it must always
/// work.
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
        action.bring_user_back(user, reactivate, Profile::with_etag).await
    }
}
