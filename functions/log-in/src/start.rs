//! The second part of a log-in: starting the session.

use api::{Anonymous, CreatedWithCookie, Error, ProblemType};
use application::representations::SigningKeys;
use domain::{Actor, EventContext, NewSession, SessionId, SessionKind, Status};
use store::{UserWithSessions, retry_on_conflict};

use crate::{LogIn, SignedIn, Started, proof::Proof};

impl LogIn {
    pub(crate) async fn start_session(
        &self,
        caller: &Anonymous,
        keys: &SigningKeys,
        proof: &Proof,
    ) -> Result<CreatedWithCookie<SignedIn>, Error> {
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
    ) -> Result<CreatedWithCookie<SignedIn>, Error> {
        let found = self.user_for_attempt(attempt, caller, proof, &proof.found).await?;
        let UserWithSessions { user, sessions } = self.come_back(caller, proof, found).await?;
        let new = NewSession { id: session_id, kind: SessionKind::Api, client: caller.head.client.clone() };
        let started = user.start_session(new, &sessions, &self.lifetimes, caller.context());
        let grant = self.grants.grant(keys, &started.user, &started.session, caller.head.now).await?;
        let device_token = proof.device_token.expose().to_owned();
        let content = SignedIn::Started(Started { grant, device_token });
        let created = CreatedWithCookie { content, cookie: None };
        // A retry leaves the hash as it is: a concurrent log-in may have replaced it.
        let better_hash = proof.better_hash.as_ref().filter(|_| attempt == 0);
        let commands = self.store.answering(caller.receipt(&created));
        commands.start_session(&started, better_hash.map(|hash| (&proof.credential, hash))).await?;
        Ok(created)
    }

    /// Cancels a pending deletion. It stays canceled even if no session is started, since the password was
    /// right. Only now is the user told that they are suspended.
    pub(crate) async fn come_back(
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
    pub(crate) async fn user_for_attempt(
        &self,
        attempt: usize,
        caller: &Anonymous,
        proof: &Proof,
        found: &UserWithSessions,
    ) -> Result<UserWithSessions, Error> {
        if attempt == 0 { Ok(found.clone()) } else { self.user_again(caller, &proof.credential).await }
    }
}
