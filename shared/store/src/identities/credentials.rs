//! What becomes of a credential: another password, another address.

use std::time::Duration;

use domain::{CredentialTransition, Link, LinkHash, Purpose, SessionId, Transition};

use crate::{
    ClaimRejected, Commands, CommitError, EmailTaken, LinkSpent, SessionEnded,
    dynamodb::{
        attributes::key,
        item,
        value::{Millis, Text, Ttl},
    },
    identities::{
        credential_item::{self, FormerEmailItem},
        keys, links, sessions, user_item,
    },
    transaction::write::Write,
};

/// As long as a mail to the address may be late: its queue keeps it for 4 days, as a dead letter 14 more.
const FORMER_KEPT: Duration = Duration::from_hours(18 * 24);

impl Commands<'_> {
    /// Replaces the credential, and consumes the link of `purpose` that permits it.
    ///
    /// # Errors
    /// [`LinkSpent`], otherwise [`CommitError`].
    pub async fn reset_password(
        &self,
        purpose: Purpose,
        link: &LinkHash,
        reset: &CredentialTransition,
    ) -> Result<(), CommitError<LinkSpent>> {
        const LINK: usize = 0;
        let CredentialTransition { user, before, after } = reset;
        let id = user.after.id;
        let writes = [
            links::consume(id, purpose, link, user.event.context.occurred_at),
            // Anyone who knew the old password may have asked for it.
            links::take_back(id, Purpose::VerifyEmailChange),
            credential_item::replace_credential(before, after),
        ];
        let committed = self.commit(writes.into_iter().chain(user_item::replace(user)), &user.event).await;
        committed.map_err(|error| error.because(|unmet| unmet.contains(&LINK).then_some(LinkSpent)))
    }

    /// Replaces the credential. Only the session `kept` continues. A pending change of the address is canceled, since
    /// it was requested with the old password.
    ///
    /// # Errors
    /// [`SessionEnded`] if `kept` has ended, otherwise [`CommitError`].
    pub async fn change_password(
        &self,
        kept: SessionId,
        change: &CredentialTransition,
    ) -> Result<(), CommitError<SessionEnded>> {
        const KEPT: usize = 0;
        let CredentialTransition { user, before, after } = change;
        let writes = [
            sessions::keep(&user.after, kept),
            links::take_back(user.after.id, Purpose::VerifyEmailChange),
            credential_item::replace_credential(before, after),
        ];
        let committed = self.commit(writes.into_iter().chain(user_item::replace(user)), &user.event).await;
        // If the user has changed as well, the session may be valid in the epoch of that change.
        committed.map_err(|error| error.because(|unmet| (unmet == [KEPT]).then_some(SessionEnded)))
    }

    /// Adds the link that is to prove another address of the user. It replaces a previous one.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn request_email_change(&self, request: &Transition, link: &Link) -> Result<(), CommitError> {
        let user = &request.after;
        let writes = [user_item::advance(user), links::put(user.id, Purpose::VerifyEmailChange, link)];
        self.commit(writes, &request.event).await.map_err(CommitError::conflict)
    }

    /// Claims the new address instead of the former one, and consumes the link that proves it. The former address is
    /// kept until the mail to it has been sent.
    ///
    /// # Errors
    /// [`ClaimRejected`], otherwise [`CommitError`].
    pub async fn change_email(
        &self,
        link: &LinkHash,
        change: &CredentialTransition,
    ) -> Result<(), CommitError<ClaimRejected>> {
        const LINK: usize = 0;
        const CLAIM: usize = 1;
        let CredentialTransition { user: Transition { before: former, after: user, event }, before, after } =
            change;
        let now = event.context.occurred_at;
        let told_until = now.plus(FORMER_KEPT);
        let former_email = FormerEmailItem {
            email: Text(former.email.clone()),
            expires_at: Millis(told_until),
            ttl: Ttl::at(told_until),
        };
        let former_key = key(keys::user_pk(user.id), keys::former_email_sk(user.version));
        let writes = [
            links::consume(user.id, Purpose::VerifyEmailChange, link, now),
            credential_item::claim(after),
            credential_item::give_up(before),
            Write::put(item::write(former_key, &former_email)),
        ];
        let committed = self.commit(writes.into_iter().chain(user_item::replace(&change.user)), event).await;
        committed.map_err(|error| {
            error.because(|unmet| match unmet {
                unmet if unmet.contains(&LINK) => Some(LinkSpent.into()),
                unmet if unmet.contains(&CLAIM) => Some(EmailTaken.into()),
                _ => None,
            })
        })
    }
}
