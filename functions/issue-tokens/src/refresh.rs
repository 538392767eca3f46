//! Refreshing a grant.

use api::{Anonymous, Error, OauthError};
use application::oauth::end_grant;
use domain::{
    RefreshError,
    oauth::{Client, ErrorCode, Grant, GrantEnd, PresentedGrant},
};
use store::oauth::{GrantContext, GrantRotation};
use tokens::RefreshTokenError;

use crate::{INVALID_GRANT, IssueTokens, Request, Tokens, narrowed};

impl IssueTokens {
    /// Gives a client the next tokens of a grant: one conditional write, beside the reads of what the grant hangs on.
    pub(crate) async fn refresh(
        &self,
        caller: &Anonymous,
        client: &Client,
        request: &Request,
    ) -> Result<Tokens, Error> {
        let missing = OauthError::new(ErrorCode::InvalidRequest, "The parameter refresh_token is missing.");
        let token = request.refresh_token.as_ref().ok_or(missing)?;
        let mut keys = self.grants.keys().await?;
        let mut opened = keys.oauth.open_refresh_token(token);
        if let Err(RefreshTokenError::UnknownKey) = opened {
            keys = self.grants.newest_keys().await?;
            opened = keys.oauth.open_refresh_token(token);
        }
        let presented = opened.map_err(|_| INVALID_GRANT)?;
        cloud::put_user(presented.user_id);

        let (now, identities) = (caller.head.now, self.store.identities());
        let PresentedGrant { user_id, session_id, .. } = presented;
        let (rotation, context) = tokio::try_join!(
            identities.rotate_grant(presented, &client.id, now, self.lifetimes.idle),
            identities.grant_context(user_id, session_id, &client.id)
        )?;
        let grant = match rotation {
            GrantRotation::Rotated(grant) => grant,
            GrantRotation::Unchanged(grant) if grant.client_id == client.id => {
                self.judge(caller, presented, grant).await?
            }
            // Another client's token: it ends nothing.
            GrantRotation::Unchanged(_) | GrantRotation::Missing => return Err(INVALID_GRANT.into()),
        };
        let GrantContext { user, session, consent } = context.ok_or(INVALID_GRANT)?;
        let stands = grant.judge(&user, session.as_ref(), consent.as_ref(), client, now);
        stands.map_err(|_| INVALID_GRANT)?;
        let scope = narrowed(&grant.scope, request.scope.as_deref())?;
        // The refresh token keeps the whole scope of the grant.
        let narrowed = Grant { scope, ..grant };
        Ok(self.tokens(&keys, client, &user, &narrowed, None, &caller.head)?)
    }

    /// Returns the grant for a retry of its previous token, which gets the same successor.
    async fn judge(
        &self,
        caller: &Anonymous,
        presented: PresentedGrant,
        grant: Grant,
    ) -> Result<Grant, Error> {
        match grant.judge_refresh(presented, caller.head.now, self.retry_window) {
            Ok(()) => Ok(grant),
            Err(RefreshError::Ended | RefreshError::Expired) => Err(INVALID_GRANT.into()),
            Err(RefreshError::Reused) => {
                end_grant(&self.store, &grant, GrantEnd::TokenReused, caller.context()).await?;
                Err(INVALID_GRANT.into())
            }
        }
    }
}
