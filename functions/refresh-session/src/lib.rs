//! `POST /v1/sessions/refresh`: stays signed in.
//!
//! One conditional write moves the session from the presented generation to the next. Its successor
//! is the same however often it is asked for, so a retry is safe and a fork cannot exist.

use std::{sync::Arc, time::Duration};

use api::{Anyone, Body, Endpoint, Grant, Problem, ProblemType, Receipts, Route, Shown, UseCase};
use cloud::{Clock, Cloud, FromSecret, Random, SecretUnavailable, SettingError};
use domain::{AttributesSchema, EndedSession, Presented, RefreshRefused, Secret, Seeds, Session};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Failure, RecentRoles, Rotation, Store};
use thiserror::Error;
use tokens::{Issuer, KeyUnusable, NotOpened};
use tokio::sync::OnceCell;

/// More would give a thief of the previous token too much time.
const LONGEST_RETRY_WINDOW: Duration = Duration::from_mins(1);

/// Refreshes sessions.
pub struct RefreshSession {
    store: Store,
    roles: RecentRoles,
    keys: FromSecret<Keys>,
    idle: Duration,
    retry_window: Duration,
    schema: AttributesSchema,
    clock: Clock,
    random: Random,
}

struct Keys {
    issuer: Issuer,
    published: OnceCell<()>,
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
    let issuing = api::issuing(cloud)?;
    let derive = move |seeds: &Seeds| {
        Some(Keys { issuer: Issuer::new(seeds, issuing.clone()).ok()?, published: OnceCell::new() })
    };
    let store = Store::new(cloud)?;
    let receipts = Receipts::new(cloud, store.identities()).sealed_by_keys(cloud)?;
    let refresh = RefreshSession {
        roles: RecentRoles::new(store.identities()),
        store,
        keys: FromSecret::keys(cloud, derive)?,
        idle: settings.seconds("SESSION_IDLE_SECONDS")?,
        retry_window,
        schema: api::attributes_schema(cloud)?,
        clock: cloud.clock(),
        random: cloud.random(),
    };
    Endpoint::changing(cloud, refresh, receipts)
}

/// The refresh token of the session.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(with = "String")]
    refresh_token: Secret,
}

/// Why a session is not refreshed.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The token is not of this service: nothing is revoked.
    #[error("no token of this service")]
    Forged(#[from] NotOpened),
    /// The session does not stand any more.
    #[error(transparent)]
    Refused(#[from] RefreshRefused),
    /// The keys could not be read.
    #[error("no keys")]
    NoKeys(#[from] SecretUnavailable),
    /// The token could not be signed.
    #[error("no token")]
    NoToken(#[from] KeyUnusable),
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for RefreshSession {
    const ROUTES: &'static [Route] = &[Route::post("/v1/sessions/refresh")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::InvalidToken, ProblemType::TokenExpired, ProblemType::TokenReused];
    type Caller = Anyone;
    type Request = Body<Request>;
    type Response = Shown<Grant>;
    type Refusal = Refusal;

    fn gate(&self) -> &() {
        &()
    }

    async fn warm(&self) {
        // What fails here fails again, and is answered, at the first request.
        if let Ok(keys) = self.keys.get().await {
            let _ = tokio::join!(api::warm(&keys.issuer), self.published(Ok(Arc::clone(&keys))));
        }
    }

    async fn run(&self, caller: Anyone, Body(request): Body<Request>) -> Result<Shown<Grant>, Refusal> {
        let (keys, presented) = self.open(&request.refresh_token).await?;
        cloud::put_user(presented.user_id);

        let now = self.clock.now();
        let identities = self.store.identities();
        let (rotation, user) = tokio::try_join!(
            identities.rotate_session(presented, now, self.idle),
            identities.user(presented.user_id)
        )?;
        let session = match rotation {
            Rotation::Rotated(session) => session,
            Rotation::Unchanged(session) => self.judge(&caller, presented, session).await?,
            Rotation::Missing => return Err(RefreshRefused::Ended.into()),
        };
        let user = user.ok_or(RefreshRefused::Ended)?;
        let generation = session.generation;
        let read = identities.of_one_moment(user, session).await?;
        // The generation stays the one that the token asks for.
        let (user, session) = read
            .map(|(user, session)| (user, Session { generation, ..session }))
            .ok_or(RefreshRefused::Ended)?;
        if !user.admits(&session) {
            return Err(RefreshRefused::Ended.into());
        }

        let rights = self.roles.rights(&user, now).await?;
        let token_id = self.random.uuid();
        let grant = Grant::new(&keys.issuer, &user, &session, &rights, &self.schema, token_id, now)?;
        let shown = Shown(grant);
        // Not in one write: whoever comes again before it is there gets the same successor anyway.
        identities.keep_receipt(caller.receipt(&shown), now).await?;
        Ok(shown)
    }
}

impl RefreshSession {
    /// The keys, and what the token says. A key that is not known may be a newer one.
    async fn open(&self, token: &Secret) -> Result<(Arc<Keys>, Presented), Refusal> {
        let keys = self.published(self.keys.get().await).await?;
        match keys.issuer.open_refresh_token(token) {
            Err(NotOpened::UnknownKey) => {
                let keys = self.published(self.keys.newest().await).await?;
                let presented = keys.issuer.open_refresh_token(token)?;
                Ok((keys, presented))
            }
            opened => Ok((keys, opened?)),
        }
    }

    /// The keys, the signing one published: nobody is to meet a token that cannot be verified.
    async fn published(&self, keys: Result<Arc<Keys>, SecretUnavailable>) -> Result<Arc<Keys>, Refusal> {
        let (keys, identities) = (keys?, self.store.identities());
        let publish = || async { identities.publish_key(&keys.issuer.public_key(self.clock.now())).await };
        keys.published.get_or_try_init(publish).await?;
        Ok(keys)
    }

    /// The session for whose previous token a retry gets the same successor; a token that was used
    /// before ends it, since one of its two holders is a thief.
    async fn judge(
        &self,
        caller: &Anyone,
        presented: Presented,
        session: Session,
    ) -> Result<Session, Refusal> {
        let now = self.clock.now();
        let judged = session.judge(presented, now, self.retry_window);
        if judged == Err(RefreshRefused::Reused) {
            let cause = caller.cause(self.random.id(now), now);
            // A refusal has no receipt.
            let store = self.store.answering(None);
            let identities = self.store.identities();
            let user = || async {
                Ok::<_, Refusal>(identities.user(session.user_id).await?.ok_or(RefreshRefused::Ended)?)
            };
            store.end_session(user, EndedSession::token_reused(&session), &cause).await?;
        }
        judged?;
        Ok(session)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Forged(_) | Refusal::Refused(RefreshRefused::Ended) => {
                Self::of(ProblemType::InvalidToken)
            }
            Refusal::Refused(RefreshRefused::Expired) => Self::of(ProblemType::TokenExpired),
            Refusal::Refused(RefreshRefused::Reused) => Self::of(ProblemType::TokenReused),
            Refusal::NoKeys(_) => Self::unavailable(),
            Refusal::NoToken(_) => Self::failure(false),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
