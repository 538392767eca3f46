//! `DELETE /v1/users/{id}`: deletes a user; the erasure follows after `DeletionGraceDays`.
//!
//! Every session ends. Logging in does not cancel it, unlike a deletion that the user asked for: only `reactivate-user` does,
//! until it is due. If the user has asked for it before, it becomes final and keeps its date. The last administrator
//! cannot be deleted, and callers delete their own account with `delete-account`.

use std::time::Duration;

use administration::{Administration, NotDone, Stated, Whom};
use api::{
    AccessGate, Body, Endpoint, NoContent, Path, Permitted, Problem, ProblemType, Route, UseCase, UsersWrite,
};
use cloud::{Cloud, SettingError};
use domain::User;
use thiserror::Error;

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
    let receipts = administration.receipts(cloud);
    let grace = DAY * cloud.settings().parsed::<u32>("DELETION_GRACE_DAYS")?;
    Endpoint::changing(cloud, DeleteUser { administration, grace }, receipts)
}

/// Why the user stays.
#[derive(Debug, Error)]
pub enum Refusal {
    /// It is the caller.
    #[error("it is the caller's own account")]
    OwnAccount,
    /// It cannot be done.
    #[error(transparent)]
    NotDone(#[from] NotDone),
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
    type Caller = Permitted<UsersWrite>;
    type Request = (Path<Whom>, Body<Stated>);
    type Response = NoContent;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        self.administration.gate()
    }

    async fn run(
        &self,
        caller: Permitted<UsersWrite>,
        (Path(whom), Body(stated)): (Path<Whom>, Body<Stated>),
    ) -> Result<NoContent, Refusal> {
        let (user_id, reason) = (whom.parse()?, stated.parse()?);
        if user_id == caller.user_id {
            return Err(Refusal::OwnAccount);
        }
        let act = self.administration.act(&caller);
        let delete = |user: &User| Ok(Some(user.delete(self.grace, reason.clone(), act.cause())));
        act.change_user(user_id, delete, |_| NoContent).await
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::OwnAccount => Self::of(ProblemType::OwnAccount),
            Refusal::NotDone(not_done) => not_done.into(),
        }
    }
}
