//! `GET /v1/me/export`: returns what is stored about the signed-in user, as one JSON.
//!
//! Attributes that only administrators read are left out.

use api::{Authenticated, Endpoint, Error, Json, Nothing, ProblemType, Profile, Route, UseCase};
use cloud::{Cloud, SettingError};
use domain::{AttributesSchema, Timestamp, UserId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{Belonging, History, Identities};

/// Octets of history in one answer: Lambda takes 6 MB.
const MOST_OCTETS: usize = 5_000_000;
/// Events that are read at once.
const PAGE: u8 = 100;

/// Exports.
pub struct ExportData {
    identities: Identities,
    history: History,
    schema: AttributesSchema,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ExportData>, SettingError> {
    let identities = Identities::new(cloud)?;
    let (history, schema) = (History::new(cloud, &identities)?, api::attributes_schema(cloud)?);
    Endpoint::new(cloud, identities.clone(), ExportData { identities, history, schema })
}

/// All that is stored of a user.
#[derive(JsonSchema, Serialize)]
pub struct Export {
    #[schemars(with = "String", extend("format" = "date-time"))]
    exported_at: Timestamp,
    profile: Profile,
    /// Sessions, links, and what else is under the user's id.
    #[schemars(with = "Vec<serde_json::Value>")]
    belongings: Vec<Belonging>,
    /// As they were published, newest first.
    events: Vec<Box<RawValue>>,
    /// Where to read on if there are more events than one answer takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    more_events: Option<&'static str>,
}

impl UseCase for ExportData {
    const ROUTES: &'static [Route] = &[Route::get("/v1/me/export")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidToken];
    type Caller = Authenticated;
    type Request = Nothing;
    type Response = Json<Export>;

    async fn run(&self, caller: Self::Caller, _: Self::Request) -> Result<Self::Response, Error> {
        let (user, belongings, (events, is_whole)) = tokio::try_join!(
            caller.user(),
            async { Ok(self.identities.belongings(caller.user_id).await?) },
            self.history(caller.user_id)
        )?;
        let more_events = (!is_whole).then_some("/v1/me/events");
        let (exported_at, profile) = (caller.head.now, Profile::for_owner(&user, &self.schema));
        Ok(Json(Export { exported_at, profile, belongings, events, more_events }))
    }
}

impl ExportData {
    /// The newest events, as many as one answer takes; and whether these are all.
    async fn history(&self, user: UserId) -> Result<(Vec<Box<RawValue>>, bool), Error> {
        let (mut events, mut octets, mut before) = (Vec::new(), 0, None);
        loop {
            let (page, next) = self.history.newest_for_user(user, before, PAGE, &self.schema).await?;
            for detail in page {
                octets += octets_in_answer(detail.get());
                if octets > MOST_OCTETS {
                    return Ok((events, false));
                }
                events.push(detail);
            }
            if next.is_none() {
                return Ok((events, true));
            }
            before = next;
        }
    }
}

/// The answer's body is a JSON text in what Lambda takes: some characters have two octets there.
fn octets_in_answer(detail: &str) -> usize {
    detail.len() + detail.bytes().filter(|octet| matches!(octet, b'"' | b'\\')).count()
}
