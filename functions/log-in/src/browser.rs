//! The second part of a log-in on a page: the session is the browser's, and the authorization goes on.

use api::{Anonymous, CreatedWithCookie, Error};
use application::oauth::{Interaction, SignedInBrowser};
use domain::{EndedSession, EventContext, NewSession, Session, SessionEnd, SessionId, SessionKind};
use store::{CommitError, SessionEnded, UserWithSessions, retry_on_conflict};

use crate::{LogIn, Request, SignedIn, proof::Proof};

impl LogIn {
    /// Opens the interaction of a request before anything is hashed. Only a page of this deployment may answer one: it
    /// receives a cookie.
    pub(crate) async fn interaction(
        &self,
        caller: &Anonymous,
        request: &Request,
    ) -> Result<Option<Interaction>, Error> {
        let Some(text) = &request.interaction else { return Ok(None) };
        caller.head.require_same_origin(self.browser.issuer())?;
        Interaction::open(text, &self.browser, &caller.head).await.map(Some)
    }

    /// Starts a session of the browser, or authenticates its session again.
    pub(crate) async fn start_browser_session(
        &self,
        caller: &Anonymous,
        proof: &Proof,
        interaction: &Interaction,
        remember: bool,
    ) -> Result<CreatedWithCookie<SignedIn>, Error> {
        let before = match self.browser.presented(&caller.head).await? {
            Some(presented) => self.browser.signed_in(presented, &caller.head).await?,
            None => None,
        };
        let is_same = |before: &&SignedInBrowser| before.user.id == proof.found.user.id;
        let session = if let Some(before) = before.as_ref().filter(is_same) {
            let session = &before.session;
            retry_on_conflict(|attempt| self.reauthenticate(attempt, caller, proof, session)).await?
        } else {
            let id = caller.head.new_id();
            retry_on_conflict(|attempt| self.attempt_in_browser(attempt, caller, proof, id)).await?
        };
        if let Some(before) = before.filter(|before| before.session.id != session.id) {
            self.end_replaced(caller, &before).await?;
        }
        let keys = self.browser.keys().await?;
        let path = interaction.continue_path(&keys, &caller.head);
        let cookie = self.browser.cookie(&session, &caller.head, remember).await?;
        Ok(CreatedWithCookie { content: SignedIn::Continued { r#continue: path }, cookie: Some(cookie) })
    }

    async fn attempt_in_browser(
        &self,
        attempt: usize,
        caller: &Anonymous,
        proof: &Proof,
        id: SessionId,
    ) -> Result<Session, Error> {
        let found = self.user_for_attempt(attempt, caller, proof, &proof.found).await?;
        let UserWithSessions { user, sessions } = self.come_back(caller, proof, found).await?;
        let new = NewSession { id, kind: SessionKind::Browser, client: caller.head.client.clone() };
        let started = user.start_session(new, &sessions, &self.lifetimes, caller.context());
        let better_hash = proof.better_hash.as_ref().filter(|_| attempt == 0);
        let better_hash = better_hash.map(|hash| (&proof.credential, hash));
        self.store.answering(None).start_session(&started, better_hash).await?;
        Ok(started.session)
    }

    /// Authenticates the browser's user again: the session keeps its id.
    async fn reauthenticate(
        &self,
        attempt: usize,
        caller: &Anonymous,
        proof: &Proof,
        before: &Session,
    ) -> Result<Session, Error> {
        let found = self.user_for_attempt(attempt, caller, proof, &proof.found).await?;
        let UserWithSessions { user, .. } = self.come_back(caller, proof, found).await?;
        let (session, change) = user.reauthenticate(before, caller.context());
        self.store.answering(None).reauthenticate(&session, &change).await?;
        Ok(session)
    }

    /// Ends the session of the user who was signed in with the browser before.
    async fn end_replaced(&self, caller: &Anonymous, before: &SignedInBrowser) -> Result<(), Error> {
        let replaced = EndedSession::by_user(before.session.id, SessionEnd::Replaced);
        // Another event than that of the new session.
        let context = EventContext { event_id: caller.head.new_id(), ..caller.context() };
        retry_on_conflict(|_| async {
            let Some(user) = self.store.identities().user(before.user.id).await? else { return Ok(()) };
            let end = user.end_session(replaced, context.clone());
            match self.store.answering(None).end_session(&end, replaced.id).await {
                Err(CommitError::Rejected(SessionEnded)) => Ok(()),
                committed => Ok::<_, Error>(committed?),
            }
        })
        .await
    }
}
