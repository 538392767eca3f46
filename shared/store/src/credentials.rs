//! What becomes of a credential: another password, another address.

use std::time::Duration;

use domain::{Credential, Event, Link, LinkHash, Purpose, SessionId, Timestamp, User};

use crate::{
    Commands, Failure, Refused,
    attributes::key,
    items::{self, Millis, Text, Ttl},
    links, sessions,
    transaction::{NotCommitted, Write},
    users::{self, FormerEmailItem},
};

/// As long as a mail to the address may be late: its queue keeps it for 4 days, as a dead letter 14 more.
const FORMER_KEPT: Duration = Duration::from_hours(18 * 24);

/// Why a link did not do what it is for.
#[derive(Debug, thiserror::Error)]
pub enum LinkRefused {
    /// It was used, replaced, taken back, or has expired.
    #[error("the link is good no more")]
    Spent,
    /// Somebody else has proven the address that it proves.
    #[error("the address is taken")]
    EmailTaken,
    /// What the command was decided on has changed meanwhile: read again, decide again.
    #[error("the state has changed meanwhile")]
    Stale,
    /// The command could not be carried out.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum KeptEnded {
    /// The session that was to go on has ended.
    #[error("the session has ended")]
    Ended,
    /// What the command was decided on has changed meanwhile, or it could not be carried out.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl Commands<'_> {
    /// Puts the credential `after` in the place of `before`, and consumes the link of `purpose` that permits it.
    ///
    /// # Errors
    /// [`LinkRefused`].
    pub async fn reset_password(
        &self,
        (purpose, hash, now): (Purpose, &LinkHash, Timestamp),
        (former, user): (&User, &User),
        (before, after): (&Credential, &Credential),
        event: Event,
    ) -> Result<(), LinkRefused> {
        const LINK: usize = 0;
        let writes = [
            links::consume(user.id, purpose, hash, now),
            // Whoever knew the old password may have asked for it.
            links::take_back(user.id, Purpose::VerifyEmailChange),
            users::replace_credential(before, after),
        ];
        self.commit(writes.into_iter().chain(users::replace(former, user)), event).await.map_err(|error| {
            match error {
                NotCommitted::Refused(positions) if positions.contains(&LINK) => LinkRefused::Spent,
                NotCommitted::Refused(_) => LinkRefused::Stale,
                NotCommitted::Failed(failure) => LinkRefused::Failed(failure),
            }
        })
    }

    /// Puts the credential `after` in the place of `before`; of the user's sessions, `kept` goes on.
    /// What was asked for with the old password is taken back.
    ///
    /// # Errors
    /// [`KeptEnded`].
    pub async fn change_password(
        &self,
        kept: SessionId,
        (former, user): (&User, &User),
        (before, after): (&Credential, &Credential),
        event: Event,
    ) -> Result<(), KeptEnded> {
        const KEPT: usize = 0;
        let writes = [
            sessions::keep(user, kept),
            links::take_back(user.id, Purpose::VerifyEmailChange),
            users::replace_credential(before, after),
        ];
        self.commit(writes.into_iter().chain(users::replace(former, user)), event).await.map_err(|error| {
            match error {
                // If the user has changed as well, the session may stand in the epoch that this has led to.
                NotCommitted::Refused(positions) if positions == [KEPT] => KeptEnded::Ended,
                NotCommitted::Refused(_) => Refused::Stale.into(),
                NotCommitted::Failed(failure) => Refused::Failed(failure).into(),
            }
        })
    }

    /// Adds the link that is to prove another address of the user; it takes the place of one before.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn request_email_change(&self, user: &User, link: &Link, event: Event) -> Result<(), Refused> {
        let writes = [users::advance(user), links::put(user.id, Purpose::VerifyEmailChange, link)];
        self.commit(writes, event).await.map_err(sessions::stale)
    }

    /// Claims the address that `after` names instead of that of `before`, and consumes the link that
    /// proves it. The address before is kept until whoever has it has been told.
    ///
    /// # Errors
    /// [`LinkRefused`].
    pub async fn change_email(
        &self,
        (hash, now): (&LinkHash, Timestamp),
        (former, user): (&User, &User),
        (before, after): (&Credential, &Credential),
        event: Event,
    ) -> Result<(), LinkRefused> {
        const LINK: usize = 0;
        const CLAIM: usize = 1;
        let told_until = now.plus(FORMER_KEPT);
        let former_email = FormerEmailItem {
            email: Text(former.email.clone()),
            expires_at: Millis(told_until),
            ttl: Ttl::at(told_until),
        };
        let former_key = key(users::pk(user.id), users::former_email_sk(user.version));
        let writes = [
            links::consume(user.id, Purpose::VerifyEmailChange, hash, now),
            users::claim(after),
            users::give_up(before),
            Write::put(items::write(former_key, &former_email)),
        ];
        self.commit(writes.into_iter().chain(users::replace(former, user)), event).await.map_err(|error| {
            match error {
                NotCommitted::Refused(positions) if positions.contains(&LINK) => LinkRefused::Spent,
                NotCommitted::Refused(positions) if positions.contains(&CLAIM) => LinkRefused::EmailTaken,
                NotCommitted::Refused(_) => LinkRefused::Stale,
                NotCommitted::Failed(failure) => LinkRefused::Failed(failure),
            }
        })
    }
}
