//! `DELETE /v1/users/{id}`: delete a user, who is erased after `DeletionGraceDays`.
//!
//! Every session ends. Unlike a deletion that the user requested, logging in does not cancel it; only
//! `reactivate-user` does, until the erasure is due. A deletion that the user requested earlier becomes final
//! and keeps its date. The last administrator cannot be deleted. Callers delete their own account with
//! `delete-account`.

use std::time::Duration;

use api::{Authorized, Body, Endpoint, Error, NoContent, Path, ProblemType, Route, UseCase, UsersWrite};
use application::admin::{Administration, ReasonBody, UserPath};
use cloud::{Cloud, SettingError};
use domain::User;

const DAY: Duration = Duration::from_hours(24);

/// Deletes users.
pub struct DeleteUser {
    administration: Administration,
    grace: Duration,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<DeleteUser>, SettingError> {
    let administration = Administration::new(cloud)?;
    let grace = DAY * cloud.settings().parsed::<u32>("DELETION_GRACE_DAYS")?;
    Endpoint::new(cloud, administration.identities(), DeleteUser { administration, grace })
}

impl UseCase for DeleteUser {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/users/{id}")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::NotFound,
        ProblemType::ValidationFailed,
        ProblemType::LastAdministrator,
        ProblemType::OwnAccount,
        ProblemType::VersionConflict,
    ];
    type Caller = Authorized<UsersWrite>;
    type Request = (Path<UserPath>, Body<ReasonBody>);
    type Response = NoContent;

    async fn run(
        &self,
        caller: Self::Caller,
        (Path(user), Body(body)): Self::Request,
    ) -> Result<Self::Response, Error> {
        let (user, reason) = (user.parse()?, body.parse()?);
        if user == caller.user_id {
            return Err(ProblemType::OwnAccount.into());
        }
        let delete = |user: &User| Ok(Some(user.delete(self.grace, reason.clone(), caller.context())));
        self.administration.action(&caller).change_user(user, delete, |_| NoContent).await
    }
}
