//! The second part of a log-in: starting the session.

use api::{Anonymous, Created, Error, ProblemType};
use application::representations::SigningKeys;
use domain::{Actor, EventContext, SessionId, Status};
use store::{UserWithSessions, retry_on_conflict};

use crate::{LogIn, Started, proof::Proof};

impl LogIn {
    pub(crate) async fn start_session(
        &self,
        caller: &Anonymous,
        keys: &SigningKeys,
        proof: &Proof,
    ) -> Result<Created<Started>, Error> {
        let session_id = caller.head.new_id();
        retry_on_conflict(|attempt| self.attempt_to_start(attempt, caller, keys, proof, session_id)).await
    }

    async fn attempt_to_start(
        &self,
        attempt: usize,
        caller: &Anonymous,
        keys: &SigningKeys,
        proof: &Proof,
        session_id: SessionId,
    ) -> Result<Created<Started>, Error> {
        let found = self.user_for_attempt(attempt, caller, proof, &proof.found).await?;
        let UserWithSessions { user, sessions } = self.come_back(caller, proof, found).await?;
        let client = caller.head.client.clone();
        let started = user.start_session(session_id, &sessions, &self.lifetimes, client, caller.context());
        let grant = self.grants.grant(keys, &started.user, &started.session, caller.head.now).await?;
        let device_token = proof.device_token.expose().to_owned();
        let created = Created(Started { grant, device_token });
        // A retry leaves the hash as it is: a concurrent log-in may have replaced it.
        let better_hash = proof.better_hash.as_ref().filter(|_| attempt == 0);
        let commands = self.store.answering(caller.receipt(&created));
        commands.start_session(&started, better_hash.map(|hash| (&proof.credential, hash))).await?;
        Ok(created)
    }

    /// Cancels a pending deletion, even if no session can be started afterwards: the password was right. A
    /// suspension is revealed only here.
    async fn come_back(
        &self,
        caller: &Anonymous,
        proof: &Proof,
        found: UserWithSessions,
    ) -> Result<UserWithSessions, Error> {
        let actor = Actor::User(found.user.id);
        // The cancellation is a separate event.
        let context = &EventContext { event_id: caller.head.new_id(), actor, ..caller.context() };
        let found = &found;
        retry_on_conflict(|attempt| async move {
            let found = self.user_for_attempt(attempt, caller, proof, found).await?;
            if found.user.is_suspended() {
                return Err(ProblemType::AccountSuspended.into());
            }
            if found.user.status == Status::Active {
                return Ok(found);
            }
            let back = found.user.cancel_deletion(None, context.clone());
            self.store.answering(None).change_user(&back).await?;
            Ok(UserWithSessions { user: back.after, ..found })
        })
        .await
    }

    /// Returns `found` for the first attempt, and the user as they are now for each further one.
    async fn user_for_attempt(
        &self,
        attempt: usize,
        caller: &Anonymous,
        proof: &Proof,
        found: &UserWithSessions,
    ) -> Result<UserWithSessions, Error> {
        if attempt == 0 { Ok(found.clone()) } else { self.user_again(caller, &proof.credential).await }
    }
}
