//! One action of a caller on a user or a role.

use api::{Answer, NoContent, Permitted, Right, RolesWrite, UsersWrite};
use domain::{Authority, Cause, Event, NoAuthority, Role, RoleName, Status, User, UserId};
use store::{Commands, Failure, Limit, Refused, StandingRefused, Store};

use crate::NotDone;

/// An action on one request. Its time and its event id are fixed, so that each retry decides the same.
pub struct Act<'a, R> {
    pub(crate) store: &'a Store,
    pub(crate) caller: &'a Permitted<R>,
    pub(crate) cause: Cause,
    pub(crate) limits: Vec<Limit>,
}

impl Act<'_, UsersWrite> {
    /// Changes a user to what `decide` returns, if it returns anything, and answers with the user as they are then.
    /// A user who asked for their deletion can be changed until it is due.
    ///
    /// # Errors
    /// The refusal of `decide`, or [`NotDone`]: for a user whom an administrator has deleted, whom the caller may
    /// not change, or who is not of the version that the request is for.
    pub async fn change_user<A: Answer, E: From<NotDone>>(
        &self,
        id: UserId,
        decide: impl Fn(&User) -> Result<Option<(User, Event)>, E>,
        answer: impl Fn(&User) -> A,
    ) -> Result<A, E> {
        self.change_whom(|user| self.is_there(user), id, decide, answer).await
    }

    /// Changes a user who is suspended, or whom an administrator has deleted and who is not erased yet. A deletion
    /// that the user asked for is theirs to cancel.
    ///
    /// # Errors
    /// The refusal of `decide`, or [`NotDone`].
    pub async fn bring_user_back<A: Answer, E: From<NotDone>>(
        &self,
        id: UserId,
        decide: impl Fn(&User) -> Result<Option<(User, Event)>, E>,
        answer: impl Fn(&User) -> A,
    ) -> Result<A, E> {
        let now = self.cause.occurred_at;
        let can_return = |user: &User| match user.status {
            Status::Active | Status::Suspended => true,
            Status::Deleting { erase_at, is_final, was_suspended } => {
                (is_final || was_suspended) && now < erase_at
            }
        };
        self.change_whom(can_return, id, decide, answer).await
    }

    async fn change_whom<A: Answer, E: From<NotDone>>(
        &self,
        is_there: impl Fn(&User) -> bool,
        id: UserId,
        decide: impl Fn(&User) -> Result<Option<(User, Event)>, E>,
        answer: impl Fn(&User) -> A,
    ) -> Result<A, E> {
        let decide = |_: &Authority, user: &User| {
            if !is_there(user) {
                return Err(NotDone::NotFound.into());
            }
            if !self.caller.head.is_for_version(user.version) {
                return Err(NotDone::Changed.into());
            }
            decide(user)
        };
        // Boxed, since the compiler lays out futures only to some depth.
        Box::pin(self.decide_on_user(id, decide, answer)).await
    }
}

impl Act<'_, RolesWrite> {
    /// Gives a role to a user, or takes it, as `decide` returns.
    ///
    /// # Errors
    /// The refusal of `decide`, or [`NotDone`]: also if the caller could not give the role.
    pub async fn change_roles<E: From<NotDone>>(
        &self,
        (id, role): (UserId, &RoleName),
        decide: impl Fn(&Authority, &User) -> Result<Option<(User, Event)>, E>,
    ) -> Result<NoContent, E> {
        let decide = |authority: &Authority, user: &User| {
            if !self.is_there(user) {
                return Err(NotDone::NotFound.into());
            }
            if authority.roles().get(role).is_some_and(|role| !authority.may_give_role(role)) {
                return Err(NotDone::from(NoAuthority::Forbidden).into());
            }
            decide(authority, user)
        };
        // Boxed, since the compiler lays out futures only to some depth.
        Box::pin(self.decide_on_user(id, decide, |_| NoContent)).await
    }

    /// Changes a role. `decide` returns the role as it is, and as it is to be if that differs. Answers with the
    /// role as it is then.
    ///
    /// # Errors
    /// The refusal of `decide`, or [`NotDone`].
    pub async fn change_role<A: Answer, E: From<NotDone>>(
        &self,
        decide: impl Fn(&Authority) -> Result<(Role, Option<(Role, Event)>), E>,
        answer: impl Fn(&Role) -> A,
    ) -> Result<A, E> {
        for _turn in 0..store::TURNS {
            let authority = self.authority().await?;
            let (before, change) = decide(&authority)?;
            let answer = answer(change.as_ref().map_or(&before, |(after, _)| after));
            let Some((after, event)) = change else { return self.is_so(answer).await };
            let is_own = authority.rests_on().any(|(name, _)| *name == after.name);
            let commands = self.answering(&answer, is_own, &authority);
            let committed = commands.put_role(&after, event).await;
            if is_done(committed.map_err(StandingRefused::from))? {
                return Ok(answer);
            }
        }
        Err(NotDone::from(Failure::Contended).into())
    }
}

impl<R: Right> Act<'_, R> {
    /// Limits the action: it counts once it is decided, before it is committed.
    #[must_use]
    pub fn limited_by(self, limits: Vec<Limit>) -> Self {
        Self { limits, ..self }
    }

    /// Returns the cause of the event.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.cause.clone()
    }

    /// Returns the authority of the caller as it is now.
    ///
    /// # Errors
    /// [`NotDone`] if the caller no longer has it.
    pub async fn authority(&self) -> Result<Authority, NotDone> {
        Ok(self.caller.authority().await?)
    }

    /// Returns the commands under `authority`, of which one is committed with the receipt for `answer`. A change
    /// that `touches_caller` may take the caller's session or right to make the request.
    pub fn answering<'b>(
        &'b self,
        answer: &impl Answer,
        touches_caller: bool,
        authority: &'b Authority,
    ) -> Commands<'b> {
        let caller = self.caller;
        let receipt = if touches_caller { caller.last_receipt(answer) } else { caller.receipt(answer) };
        self.store.answering(receipt).under(authority)
    }

    async fn decide_on_user<A: Answer, E: From<NotDone>>(
        &self,
        id: UserId,
        decide: impl Fn(&Authority, &User) -> Result<Option<(User, Event)>, E>,
        answer: impl Fn(&User) -> A,
    ) -> Result<A, E> {
        for turn in 0..store::TURNS {
            let (authority, user) = tokio::try_join!(self.authority(), self.user(id))?;
            let change = decide(&authority, &user)?;
            let after = change.as_ref().map_or(&user, |(after, _)| after);
            if !authority.may_change(&user, after) {
                return Err(NotDone::from(NoAuthority::Forbidden).into());
            }
            let answer = answer(after);
            let Some((after, event)) = change else { return self.is_so(answer).await };
            if turn == 0 && !self.limits.is_empty() {
                self.reserve().await?;
            }
            let touches_caller =
                id == self.caller.user_id && (after.epoch, &after.roles) != (user.epoch, &user.roles);
            let commands = self.answering(&answer, touches_caller, &authority);
            let committed = commands.change_user((&user, &after), event).await;
            if is_done(committed)? {
                return Ok(answer);
            }
        }
        Err(NotDone::from(Failure::Contended).into())
    }

    /// Returns whether a user can be changed: not once an administrator has deleted them, or the erasure is due.
    fn is_there(&self, user: &User) -> bool {
        !matches!(user.status, Status::Deleting { .. }) || user.can_cancel_deletion(self.cause.occurred_at)
    }

    async fn reserve(&self) -> Result<(), NotDone> {
        Ok(self.store.identities().reserve(&self.limits, self.cause.occurred_at).await?)
    }

    async fn user(&self, id: UserId) -> Result<User, NotDone> {
        self.store.identities().user(id).await?.ok_or(NotDone::NotFound)
    }

    /// Nothing is to be done, but the answer is to be the same the next time.
    async fn is_so<A: Answer, E: From<NotDone>>(&self, answer: A) -> Result<A, E> {
        let kept =
            self.store.identities().keep_receipt(self.caller.receipt(&answer), self.cause.occurred_at).await;
        kept.map_err(NotDone::from)?;
        Ok(answer)
    }
}

/// Whether it is done. What has become stale is to be decided again.
fn is_done(committed: Result<(), StandingRefused>) -> Result<bool, NotDone> {
    match committed {
        Ok(()) => Ok(true),
        Err(StandingRefused::Refused(Refused::Stale)) => Ok(false),
        Err(StandingRefused::Refused(Refused::Failed(failure))) => Err(failure.into()),
        Err(StandingRefused::LastAdministrator) => Err(NotDone::LastAdministrator),
    }
}
