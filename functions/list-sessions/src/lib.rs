//! `GET /v1/me/sessions`: shows the sessions in which the user is signed in.

use api::{
    AccessGate, CursorRefused, Cursors, Endpoint, List, NotAdmitted, Page, Problem, ProblemType, Query,
    Route, Shown, SignedIn, UseCase,
};
use cloud::{Clock, Cloud, SecretUnavailable, SettingError};
use domain::{Session, SessionId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Failure, Identities};
use thiserror::Error;

/// Shows sessions.
pub struct ListSessions {
    identities: Identities,
    gate: AccessGate,
    cursors: Cursors,
    clock: Clock,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ListSessions>, SettingError> {
    let identities = Identities::new(cloud)?;
    let gate = AccessGate::new(cloud, &identities)?;
    Endpoint::reading(
        cloud,
        ListSessions { identities, gate, cursors: Cursors::new(cloud)?, clock: cloud.clock() },
    )
}

/// A session, as its owner sees it.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Session")]
pub struct Listed {
    #[schemars(with = "String", extend("format" = "uuid"))]
    id: SessionId,
    #[schemars(with = "String", extend("format" = "date-time"))]
    created_at: Timestamp,
    #[schemars(with = "String", extend("format" = "date-time"))]
    refreshed_at: Timestamp,
    #[schemars(with = "String", extend("format" = "date-time"))]
    expires_at: Timestamp,
    ip: Option<String>,
    user_agent: Option<String>,
    /// Whether it is that of the access token.
    current: bool,
}

/// Why no sessions are shown.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The cursor leads nowhere.
    #[error(transparent)]
    NoPage(#[from] CursorRefused),
    /// The cursor to the next page could not be made.
    #[error("no keys")]
    NoKeys(#[from] SecretUnavailable),
    /// The caller is not admitted.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    /// The table failed.
    #[error("not read")]
    NotRead(#[from] Failure),
}

impl UseCase for ListSessions {
    const ROUTES: &'static [Route] = &[Route::get("/v1/me/sessions")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidCursor, ProblemType::InvalidToken];
    type Caller = SignedIn;
    type Request = Query<Page>;
    type Response = Shown<List<Listed>>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn warm(&self) {
        self.cursors.warm().await;
    }

    /// Those that do not stand any more are left out: a page may have fewer than were asked for.
    async fn run(&self, caller: SignedIn, Query(page): Query<Page>) -> Result<Shown<List<Listed>>, Refusal> {
        let list = caller.list();
        let after = self.cursors.position(&list, page.cursor).await?;
        let user_id = caller.user_id;
        let (user, (sessions, next)) =
            tokio::try_join!(async { Ok::<_, Refusal>(caller.user().await?) }, async {
                Ok(self.identities.sessions(user_id, after, page.limit.get()).await?)
            })?;
        let now = self.clock.now();
        let standing = sessions.into_iter().filter(|session| user.admits(session) && session.is_good_at(now));
        let items = standing.map(|session| Listed::of(session, caller.session_id)).collect();
        Ok(Shown(List { items, next_cursor: self.cursors.after(&list, next).await? }))
    }
}

impl Listed {
    fn of(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id,
            created_at: session.created_at,
            refreshed_at: session.rotated_at,
            expires_at: session.ends_at(),
            current: session.id == current,
            ip: session.client.ip,
            user_agent: session.client.user_agent,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoPage(refused) => refused.into(),
            Refusal::NoKeys(_) => Self::unavailable(),
            Refusal::NotAdmitted(refused) => refused.into(),
            Refusal::NotRead(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
