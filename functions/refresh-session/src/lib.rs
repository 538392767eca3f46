//! `POST /v1/sessions/refresh`: refresh a session.
//!
//! One conditional write moves the session from the presented generation to the next. Repeated requests get
//! the same successor, so a retry is safe and a session cannot fork.

use std::{sync::Arc, time::Duration};

use api::{Anonymous, Body, Endpoint, Error, Json, ProblemType, Route, UseCase};
use application::representations::{Grant, Grants, SigningKeys};
use cloud::{Cloud, SettingError};
use domain::{EndedSession, Presented, RefreshError, Secret, Session};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{CommitError, Rotation, SessionEnded, Store, retry_on_conflict};
use tokens::RefreshTokenError;

/// More would give an attacker who holds the previous token too much time.
const LONGEST_RETRY_WINDOW: Duration = Duration::from_mins(1);

/// Refreshes sessions.
pub struct RefreshSession {
    store: Store,
    grants: Grants,
    idle: Duration,
    retry_window: Duration,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<RefreshSession>, SettingError> {
    let settings = cloud.settings();
    let retry_window = settings.seconds("REFRESH_RETRY_SECONDS")?;
    if retry_window > LONGEST_RETRY_WINDOW {
        return Err(SettingError::new("REFRESH_RETRY_SECONDS", "must be 0 to 60"));
    }
    let store = Store::new(cloud)?;
    let identities = store.identities().clone();
    let (grants, idle) = (Grants::new(cloud, &identities)?, settings.seconds("SESSION_IDLE_SECONDS")?);
    Endpoint::new(cloud, identities, RefreshSession { store, grants, idle, retry_window })
}

/// The refresh token of the session.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(with = "String")]
    refresh_token: Secret,
}

impl UseCase for RefreshSession {
    const ROUTES: &'static [Route] = &[Route::post("/v1/sessions/refresh")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::InvalidToken, ProblemType::TokenExpired, ProblemType::TokenReused];
    type Caller = Anonymous;
    type Request = Body<Request>;
    type Response = Json<Grant>;

    async fn warm(&self) {
        self.grants.warm().await;
    }

    async fn run(&self, caller: Self::Caller, Body(request): Self::Request) -> Result<Self::Response, Error> {
        let (keys, presented) = self.open(&request.refresh_token).await?;
        cloud::put_user(presented.user_id);

        let (now, identities) = (caller.head.now, self.store.identities());
        let (rotation, user) = tokio::try_join!(
            identities.rotate_session(presented, now, self.idle),
            identities.user(presented.user_id)
        )?;
        let session = match rotation {
            Rotation::Rotated(session) => session,
            Rotation::Unchanged(session) => self.judge(&caller, presented, session).await?,
            Rotation::Missing => return Err(ProblemType::InvalidToken.into()),
        };
        let user = user.ok_or(ProblemType::InvalidToken)?;
        let generation = session.generation;
        let read = identities.of_one_moment(user, session).await?;
        let (user, session) = read.ok_or(ProblemType::InvalidToken)?;
        // The generation stays the one that follows the presented token.
        let session = Session { generation, ..session };
        if !user.admits(&session) {
            return Err(ProblemType::InvalidToken.into());
        }

        let shown = Json(self.grants.grant(&keys, &user, &session, now).await?);
        // Not in the same write: an earlier retry gets the same successor anyway.
        identities.keep_receipt(caller.receipt(&shown), now).await?;
        Ok(shown)
    }
}

impl RefreshSession {
    /// Returns the keys and the content of the token. Reads the keys again if the token's key is unknown: it
    /// may be new.
    async fn open(&self, token: &Secret) -> Result<(Arc<SigningKeys>, Presented), Error> {
        let mut keys = self.grants.keys().await?;
        let mut opened = keys.issuer.open_refresh_token(token);
        if let Err(RefreshTokenError::UnknownKey) = opened {
            keys = self.grants.newest_keys().await?;
            opened = keys.issuer.open_refresh_token(token);
        }
        Ok((keys, opened.map_err(|_| ProblemType::InvalidToken)?))
    }

    /// Returns the session for a retry of its previous token, which gets the same successor. An older token
    /// ends the session, since one of its two holders is an attacker.
    async fn judge(
        &self,
        caller: &Anonymous,
        presented: Presented,
        session: Session,
    ) -> Result<Session, Error> {
        match session.judge(presented, caller.head.now, self.retry_window) {
            Ok(()) => Ok(session),
            Err(RefreshError::Ended) => Err(ProblemType::InvalidToken.into()),
            Err(RefreshError::Expired) => Err(ProblemType::TokenExpired.into()),
            Err(RefreshError::Reused) => {
                retry_on_conflict(|_| self.end(caller, &session)).await?;
                Err(ProblemType::TokenReused.into())
            }
        }
    }

    async fn end(&self, caller: &Anonymous, session: &Session) -> Result<(), Error> {
        let user = self.store.identities().user(session.user_id).await?.ok_or(ProblemType::InvalidToken)?;
        let end = user.end_session(EndedSession::token_reused(session), caller.context());
        // A refusal has no receipt.
        match self.store.answering(None).end_session(&end, session.id).await {
            Err(CommitError::Rejected(SessionEnded)) => Ok(()),
            committed => Ok(committed?),
        }
    }
}
