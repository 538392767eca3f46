//! Callers and their authority: read for a decision, and checked again by its transaction.

use std::cmp::Ordering;

use domain::{Authority, NoAuthority, RoleName, Session, SessionId, Timestamp, User, UserId};

use crate::{
    Identities, StoreError,
    dynamodb::attributes::{number, text, texts, values},
    identities::keys,
    transaction::write::Write,
};

/// The reason why a caller is not authorized.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizationError {
    /// The session has ended, or the user does not hold the permission.
    #[error(transparent)]
    None(#[from] NoAuthority),
    /// The table failed.
    #[error("failed to read the caller")]
    NotRead(#[from] StoreError),
}

impl Identities {
    /// Returns the user of a session that has not ended at `now`.
    ///
    /// # Errors
    /// [`AuthorizationError`].
    pub async fn signed_in(
        &self,
        (user, session): (UserId, SessionId),
        now: Timestamp,
    ) -> Result<User, AuthorizationError> {
        let (user, session) = tokio::try_join!(self.user(user), self.session(user, session))?;
        let (Some(user), Some(session)) = (user, session) else { return Err(NoAuthority::Ended.into()) };
        let (user, session) = self.of_one_moment(user, session).await?.ok_or(NoAuthority::Ended)?;
        Ok(User::signed_in(Some(user), Some(&session), now)?)
    }

    /// Returns the authority of the user of a session over others, if they hold `permission`.
    ///
    /// # Errors
    /// [`AuthorizationError`].
    pub async fn authority(
        &self,
        caller: (UserId, SessionId),
        permission: &str,
        now: Timestamp,
    ) -> Result<Authority, AuthorizationError> {
        let roles = async { Ok(self.roles().await?) };
        // Boxed, since the future of three concurrent reads is large.
        let (user, roles) = Box::pin(async { tokio::try_join!(self.signed_in(caller, now), roles) }).await?;
        Ok(Authority::new(user, roles, permission)?)
    }

    /// Returns a user and their session as of one moment. They are read concurrently, and ending the other
    /// sessions carries this one over into the user's next epoch: the one that was read before that is read
    /// again. The epochs of a session that has ended differ for good. Returns `None` if either is gone.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn of_one_moment(
        &self,
        user: User,
        session: Session,
    ) -> Result<Option<(User, Session)>, StoreError> {
        match user.epoch.cmp(&session.epoch) {
            Ordering::Equal => Ok(Some((user, session))),
            Ordering::Less => Ok(self.user(user.id).await?.map(|user| (user, session))),
            Ordering::Greater => {
                let now = self.session(user.id, session.id).await?;
                Ok(now.map(|now| (user, now)))
            }
        }
    }
}

/// Checks that an authority still holds: the caller has the same status, epoch and roles, and each role is of
/// the same version.
pub(crate) fn still_holds(authority: &Authority) -> Vec<Write> {
    let user = authority.user();
    let actor = values([
        (":actor_status", text(user.status.to_string())),
        (":actor_epoch", number(user.epoch)),
        (":actor_roles", texts(&user.roles)),
    ]);
    let user = Write::check(keys::user(user.id))
        .only_if("#actor_status = :actor_status AND epoch = :actor_epoch AND #actor_roles = :actor_roles")
        .named("#actor_status", "status")
        .named("#actor_roles", "roles")
        .with(actor);
    let role = |(name, version): (&RoleName, u64)| {
        let version = values([(":role_version", number(version))]);
        Write::check(keys::role(name)).only_if("version = :role_version").with(version)
    };
    [user].into_iter().chain(authority.rests_on().map(role)).collect()
}
