//! Redeeming an authorization code.

use api::{Anonymous, Error, OauthError};
use application::{oauth::end_grant, representations::SigningKeys};
use domain::oauth::{AuthorizationCode, Client, ErrorCode, Grant, GrantEnd, NewGrant, StartedGrant};
use store::{
    CommitError,
    oauth::{CodeUsed, GrantContext},
    retry_on_conflict,
};
use tokens::{
    RefreshTokenError,
    oauth::{CodeVerifier, is_code_fresh, sha256},
};

use crate::{INVALID_GRANT, IssueTokens, Request, Tokens};

impl IssueTokens {
    /// Gives a client the tokens of a code.
    pub(crate) async fn redeem_code(
        &self,
        caller: &Anonymous,
        client: &Client,
        request: &Request,
    ) -> Result<Tokens, Error> {
        let missing = OauthError::new(ErrorCode::InvalidRequest, "The parameter code is missing.");
        let text = request.code.as_deref().ok_or(missing)?;
        let mut keys = self.grants.keys().await?;
        let mut opened = keys.oauth.open_code(text);
        if let Err(RefreshTokenError::UnknownKey) = opened {
            keys = self.grants.newest_keys().await?;
            opened = keys.oauth.open_code(text);
        }
        let code = opened.map_err(|_| INVALID_GRANT)?;
        check(&code, client, request)?;
        cloud::put_user(code.user_id);
        retry_on_conflict(|_| self.start_grant(caller, &keys, client, &code)).await
    }

    async fn start_grant(
        &self,
        caller: &Anonymous,
        keys: &SigningKeys,
        client: &Client,
        code: &AuthorizationCode,
    ) -> Result<Tokens, Error> {
        let (now, identities) = (caller.head.now, self.store.identities());
        // A deletion of the client, or new limits to its grants, shows immediately.
        let newest = self.clients.newest(&client.id, now);
        let context = identities.grant_context(code.user_id, code.session_id, &client.id);
        let (newest, context) = tokio::try_join!(newest, context)?;
        let (Some(newest), Some(context)) = (newest, context) else { return Err(INVALID_GRANT.into()) };
        let GrantContext { user, session, consent } = &context;
        let Some(session) = session else { return Err(INVALID_GRANT.into()) };
        let new = NewGrant { id: code.grant_id, client_id: client.id.clone(), scope: code.scope.clone() };
        let started = Grant::start(new, user, session, &self.lifetimes, caller.context());
        let stands = started.grant.judge(user, Some(session), consent.as_ref(), &newest, now);
        stands.map_err(|_| INVALID_GRANT)?;
        // Consents and clients that were changed after the code was issued end it like a grant.
        let is_recent = code.issued_at >= newest.not_before
            && consent.as_ref().is_none_or(|consent| code.issued_at >= consent.not_before);
        // A code that was redeemed before is told from one that has expired: its grant may have to end.
        if !is_recent || !is_code_fresh(code.issued_at, now) {
            return Err(INVALID_GRANT.into());
        }
        match self.store.answering(None).start_grant(&started).await {
            Ok(()) => {
                let StartedGrant { grant, user } = &started;
                Ok(self.tokens(keys, &newest, &user.after, grant, code.nonce.as_deref(), &caller.head)?)
            }
            Err(CommitError::Rejected(CodeUsed)) => {
                self.end_reused(caller, code).await?;
                Err(INVALID_GRANT.into())
            }
            Err(CommitError::Conflict) => Err(Error::Conflict),
            Err(CommitError::Store(failure)) => Err(failure.into()),
        }
    }

    /// Ends the grant of a code that is used again, since one of its two holders is a thief. Shortly after the first use
    /// it is a retry of the same client.
    async fn end_reused(&self, caller: &Anonymous, code: &AuthorizationCode) -> Result<(), Error> {
        let identities = self.store.identities();
        let grant = identities.grant(code.user_id, code.session_id, code.grant_id).await?;
        let Some(grant) = grant.filter(|grant| grant.ended_at.is_none()) else { return Ok(()) };
        if caller.head.now.since(grant.created_at) <= self.retry_window {
            return Ok(());
        }
        end_grant(&self.store, &grant, GrantEnd::CodeReused, caller.context()).await
    }
}

/// Checks that the code was issued for this client and request. A client that proves less ends nothing.
fn check(code: &AuthorizationCode, client: &Client, request: &Request) -> Result<(), OauthError> {
    if code.client_id != client.id.as_str() {
        return Err(INVALID_GRANT);
    }
    let is_same_redirect = match &request.redirect_uri {
        Some(uri) => sha256(uri.as_bytes()) == code.redirect_uri_hash,
        // OAuth 2.1 leaves it out: the verifier binds the code.
        None => code.code_challenge.is_some(),
    };
    let is_verified = match (&code.code_challenge, &request.code_verifier) {
        (Some(challenge), Some(verifier)) => {
            CodeVerifier::parse(verifier).is_ok_and(|verifier| verifier.fits(challenge))
        }
        // A verifier without a challenge: the challenge was taken out of the request.
        (None, None) => true,
        _ => false,
    };
    if is_same_redirect && is_verified { Ok(()) } else { Err(INVALID_GRANT) }
}
