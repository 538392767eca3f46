//! `GET /v1/me/sessions`: list my active sessions.

use api::{Authenticated, Endpoint, Error, Json, ProblemType, Query, Route, UseCase};
use application::representations::{Cursors, List, Page};
use cloud::{Cloud, SettingError};
use domain::{Session, SessionId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use store::Identities;

/// Lists sessions.
pub struct ListSessions {
    identities: Identities,
    cursors: Cursors,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ListSessions>, SettingError> {
    let identities = Identities::new(cloud)?;
    Endpoint::new(cloud, identities.clone(), ListSessions { identities, cursors: Cursors::new(cloud)? })
}

/// A session, as its user sees it.
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
    /// Whether the access token belongs to this session.
    current: bool,
}

impl UseCase for ListSessions {
    const ROUTES: &'static [Route] = &[Route::get("/v1/me/sessions")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidCursor, ProblemType::InvalidToken];
    type Caller = Authenticated;
    type Request = Query<Page>;
    type Response = Json<List<Listed>>;

    async fn warm(&self) {
        self.cursors.warm().await;
    }

    /// Ended sessions are left out, so a page may be shorter than its limit.
    async fn run(&self, caller: Self::Caller, Query(page): Self::Request) -> Result<Self::Response, Error> {
        let list = caller.list();
        let after = self.cursors.position(&list, page.cursor).await?;
        let (user, (sessions, next)) = tokio::try_join!(caller.user(), async {
            Ok(self.identities.sessions(caller.user_id, after, page.limit.get()).await?)
        })?;
        let now = caller.head.now;
        let standing = sessions.into_iter().filter(|session| user.admits(session) && session.is_good_at(now));
        let items = standing.map(|session| Listed::of(session, caller.session_id)).collect();
        Ok(Json(List { items, next_cursor: self.cursors.after(&list, next).await? }))
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
