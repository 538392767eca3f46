//! One thing that somebody does to others.

use api::{Answer, NoContent, Permitted, Right, RolesWrite, UsersWrite};
use domain::{Authority, Cause, Event, NoAuthority, Role, Status, User, UserId};
use store::{Commands, Failure, Refused, StandingRefused, Store};

use crate::NotDone;

/// What somebody does to others on one request. The moment and what is random are settled: every turn decides on
/// the same.
pub struct Act<'a, R> {
    pub(crate) store: &'a Store,
    pub(crate) caller: &'a Permitted<R>,
    pub(crate) cause: Cause,
}

impl Act<'_, UsersWrite> {
    /// Lets a user become what `decide` says, or stay as they are if it says nothing, and answers with who they
    /// are then. Not a user who may do what the caller may not, who is to be erased, or who is not of the
    /// version that the request is for.
    ///
    /// # Errors
    /// What `decide` refuses, or [`NotDone`].
    pub async fn change_user<A: Answer, E: From<NotDone>>(
        &self,
        id: UserId,
        decide: impl Fn(&User) -> Result<Option<(User, Event)>, E>,
        answer: impl Fn(&User) -> A,
    ) -> Result<A, E> {
        let is_there = |user: &User| !matches!(user.status, Status::Deleting { .. });
        self.change_whom(is_there, id, decide, answer).await
    }

    /// The same, also of a user whom an administrator has deleted and who is not erased yet.
    ///
    /// # Errors
    /// What `decide` refuses, or [`NotDone`].
    pub async fn bring_user_back<A: Answer, E: From<NotDone>>(
        &self,
        id: UserId,
        decide: impl Fn(&User) -> Result<Option<(User, Event)>, E>,
        answer: impl Fn(&User) -> A,
    ) -> Result<A, E> {
        let now = self.cause.occurred_at;
        let can_return = |user: &User| match user.status {
            Status::Active | Status::Suspended => true,
            // Nobody is kept against their own wish.
            Status::Deleting { erase_at, is_final, .. } => is_final && now < erase_at,
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
        let decide = |authority: &Authority, user: &User| {
            if !is_there(user) {
                return Err(NotDone::NotFound.into());
            }
            if !authority.may_change(user) {
                return Err(NotDone::from(NoAuthority::Forbidden).into());
            }
            if !self.caller.head.is_for_version(user.version) {
                return Err(NotDone::Changed.into());
            }
            decide(user)
        };
        // A future in a future in a future: the compiler lays out only so many.
        Box::pin(self.decide_on_user(id, decide, answer)).await
    }
}

impl Act<'_, RolesWrite> {
    /// Lets a user have the roles that `decide` says, by what the caller may give or take.
    ///
    /// # Errors
    /// What `decide` refuses, or [`NotDone`].
    pub async fn change_roles<E: From<NotDone>>(
        &self,
        id: UserId,
        decide: impl Fn(&Authority, &User) -> Result<Option<(User, Event)>, E>,
    ) -> Result<NoContent, E> {
        self.decide_on_user(id, decide, |_| NoContent).await
    }

    /// Lets a role become what `decide` says, which returns the role as it is, and what it becomes if that is
    /// something else. Answers with what it is then.
    ///
    /// # Errors
    /// What `decide` refuses, or [`NotDone`].
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
            let committed = self.answering(&answer, &authority).put_role(&after, event).await;
            if is_done(committed.map_err(StandingRefused::from))? {
                return Ok(answer);
            }
        }
        Err(NotDone::from(Failure::Contended).into())
    }
}

impl<R: Right> Act<'_, R> {
    /// Why its event happens.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.cause.clone()
    }

    /// What the caller may do to others, as of now.
    ///
    /// # Errors
    /// [`NotDone`] if this is not among it any more.
    pub async fn authority(&self) -> Result<Authority, NotDone> {
        let who = (self.caller.user_id, self.caller.session_id);
        Ok(self.store.identities().authority(who, R::PERMISSION, self.cause.occurred_at).await?)
    }

    /// The commands, of which one is carried out with the receipt for `answer`, and under `authority`.
    pub fn answering<'b>(&'b self, answer: &impl Answer, authority: &'b Authority) -> Commands<'b> {
        self.store.answering(self.caller.receipt(answer)).under(authority)
    }

    async fn decide_on_user<A: Answer, E: From<NotDone>>(
        &self,
        id: UserId,
        decide: impl Fn(&Authority, &User) -> Result<Option<(User, Event)>, E>,
        answer: impl Fn(&User) -> A,
    ) -> Result<A, E> {
        for _turn in 0..store::TURNS {
            let (authority, user) = tokio::try_join!(self.authority(), self.user(id))?;
            let change = decide(&authority, &user)?;
            let answer = answer(change.as_ref().map_or(&user, |(after, _)| after));
            let Some((after, event)) = change else { return self.is_so(answer).await };
            let committed = self.answering(&answer, &authority).change_user((&user, &after), event).await;
            if is_done(committed)? {
                return Ok(answer);
            }
        }
        Err(NotDone::from(Failure::Contended).into())
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
