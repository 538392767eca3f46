//! One action of a caller on a user or a role.

use api::{Answer, Authorized, Error, NoContent, ProblemType, RequiredPermission, RolesWrite, UsersWrite};
use domain::{Authority, NoAuthority, Role, RoleName, Status, Transition, User, UserId};
use store::{Commands, Limit, Store, retry_on_conflict};

/// An action on one request.
pub struct AdminAction<'a, R> {
    pub(crate) store: &'a Store,
    pub(crate) caller: &'a Authorized<R>,
    pub(crate) limits: Vec<Limit>,
}

impl AdminAction<'_, UsersWrite> {
    /// Changes a user as `decide` returns, if it returns a change, and answers with the user afterwards. A user who
    /// asked for their deletion can be changed until it is due.
    ///
    /// # Errors
    /// The error of `decide`; [`ProblemType::NotFound`] for a user whom an administrator has deleted;
    /// [`ProblemType::Forbidden`] and [`ProblemType::VersionConflict`].
    pub async fn change_user<A: Answer>(
        &self,
        id: UserId,
        decide: impl Fn(&User) -> Result<Option<Transition>, Error> + Sync,
        answer: impl Fn(User) -> A + Sync,
    ) -> Result<A, Error> {
        let decide = |_: &Authority, user: &User| {
            self.require(self.is_there(user), user)?;
            decide(user)
        };
        self.decide_on_user(id, decide, answer).await
    }

    /// Changes a user who is suspended, or whom an administrator has deleted and who is not erased yet. A deletion
    /// that the user asked for is theirs to cancel.
    ///
    /// # Errors
    /// As [`Self::change_user`].
    pub async fn bring_user_back<A: Answer>(
        &self,
        id: UserId,
        decide: impl Fn(&User) -> Result<Option<Transition>, Error> + Sync,
        answer: impl Fn(User) -> A + Sync,
    ) -> Result<A, Error> {
        let now = self.caller.head.now;
        let decide = |_: &Authority, user: &User| {
            let can_return = match user.status {
                Status::Active | Status::Suspended => true,
                Status::Deleting { erase_at, is_final, was_suspended } => {
                    (is_final || was_suspended) && now < erase_at
                }
            };
            self.require(can_return, user)?;
            decide(user)
        };
        self.decide_on_user(id, decide, answer).await
    }

    /// Requires that the user can be changed, and is of the version that the request is for.
    fn require(&self, can_be_changed: bool, user: &User) -> Result<(), Error> {
        if !can_be_changed {
            return Err(ProblemType::NotFound.into());
        }
        self.caller.head.require_version(user.version)
    }
}

impl AdminAction<'_, RolesWrite> {
    /// Gives a role to a user, or takes it, as `decide` returns.
    ///
    /// # Errors
    /// The error of `decide`; [`ProblemType::NotFound`]; [`ProblemType::Forbidden`] also if the caller could not give
    /// the role.
    pub async fn change_roles(
        &self,
        id: UserId,
        role: &RoleName,
        decide: impl Fn(&Authority, &User) -> Result<Option<Transition>, Error> + Sync,
    ) -> Result<NoContent, Error> {
        let decide = |authority: &Authority, user: &User| {
            if !self.is_there(user) {
                return Err(ProblemType::NotFound.into());
            }
            if authority.roles().get(role).is_some_and(|role| !authority.may_give_role(role)) {
                return Err(NoAuthority::Forbidden.into());
            }
            decide(authority, user)
        };
        self.decide_on_user(id, decide, |_| NoContent).await
    }

    /// Changes a role as `decide` returns, if it returns a change, and answers with the role afterwards. `decide` is
    /// given an undefined role if there is none of this name.
    ///
    /// # Errors
    /// The error of `decide`, or if the caller has lost the permission.
    pub async fn change_role<A: Answer>(
        &self,
        name: &RoleName,
        decide: impl Fn(&Authority, &Role) -> Result<Option<Transition<Role>>, Error> + Sync,
        answer: impl Fn(&Role) -> A + Sync,
    ) -> Result<A, Error> {
        retry_on_conflict(|_| async {
            let authority = self.authority().await?;
            let role = authority.roles().get(name).cloned();
            let role = role.unwrap_or_else(|| Role::undefined(name.clone()));
            let change = decide(&authority, &role)?;
            let answer = answer(change.as_ref().map_or(&role, |change| &change.after));
            let Some(change) = change else { return self.unchanged(answer).await };
            let is_own = authority.rests_on().any(|(own, _)| own == name);
            self.answering(&answer, is_own, &authority).put_role(&change).await?;
            Ok(answer)
        })
        .await
    }
}

impl<R: RequiredPermission> AdminAction<'_, R> {
    /// Limits the action: it counts once it is decided, before it is committed.
    #[must_use]
    pub fn limited_by(self, limits: impl Into<Vec<Limit>>) -> Self {
        Self { limits: limits.into(), ..self }
    }

    /// Returns the authority of the caller as it is now.
    ///
    /// # Errors
    /// If the session has ended, the caller does not hold the permission, or the table does not answer.
    pub async fn authority(&self) -> Result<Authority, Error> {
        self.caller.authority().await
    }

    /// Reserves an attempt at each limit of the action.
    ///
    /// # Errors
    /// [`ProblemType::RateLimited`], or if the table does not answer.
    pub async fn reserve(&self) -> Result<(), Error> {
        Ok(self.store.identities().reserve(&self.limits, self.caller.head.now).await?)
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

    async fn decide_on_user<A: Answer>(
        &self,
        id: UserId,
        decide: impl Fn(&Authority, &User) -> Result<Option<Transition>, Error> + Sync,
        answer: impl Fn(User) -> A + Sync,
    ) -> Result<A, Error> {
        retry_on_conflict(|attempt| self.attempt_on_user(attempt, id, &decide, &answer)).await
    }

    async fn attempt_on_user<A: Answer>(
        &self,
        attempt: usize,
        id: UserId,
        decide: &(impl Fn(&Authority, &User) -> Result<Option<Transition>, Error> + Sync),
        answer: &(impl Fn(User) -> A + Sync),
    ) -> Result<A, Error> {
        let (authority, user) = tokio::try_join!(self.authority(), self.user(id))?;
        let change = decide(&authority, &user)?;
        let after = change.as_ref().map_or(&user, |change| &change.after);
        if !authority.may_change(&user, after) {
            return Err(NoAuthority::Forbidden.into());
        }
        let answer = answer(after.clone());
        let Some(change) = &change else { return self.unchanged(answer).await };
        if attempt == 0 {
            self.reserve().await?;
        }
        let touches_caller =
            id == self.caller.user_id && (after.epoch, &after.roles) != (user.epoch, &user.roles);
        self.answering(&answer, touches_caller, &authority).change_user(change).await?;
        Ok(answer)
    }

    /// Returns whether a user can be changed: not once an administrator has deleted them, or the erasure is due.
    fn is_there(&self, user: &User) -> bool {
        !matches!(user.status, Status::Deleting { .. }) || user.can_cancel_deletion(self.caller.head.now)
    }

    async fn user(&self, id: UserId) -> Result<User, Error> {
        Ok(self.store.identities().user(id).await?.ok_or(ProblemType::NotFound)?)
    }

    /// Keeps the answer to a request that changes nothing.
    async fn unchanged<A: Answer>(&self, answer: A) -> Result<A, Error> {
        let receipt = self.caller.receipt(&answer);
        self.store.identities().keep_receipt(receipt, self.caller.head.now).await?;
        Ok(answer)
    }
}
