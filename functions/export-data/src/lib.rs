//! `GET /v1/me/export`: export my data as one JSON object.
//!
//! Attributes that only administrators may read are left out.

use api::{Authenticated, Endpoint, Error, Json, Nothing, ProblemType, Route, UseCase};
use application::representations::{Profile, attributes_schema};
use cloud::{Cloud, SettingError};
use domain::{AttributesSchema, Timestamp, UserId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{History, Identities, Record};

/// Bytes of history in one response. Lambda permits 6 MB in total.
const MOST_OCTETS: usize = 5_000_000;
/// Events per read.
const PAGE: u8 = 100;

/// Exports the data of a user.
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
    let (history, schema) = (History::new(cloud, &identities)?, attributes_schema(cloud)?);
    Endpoint::new(cloud, identities.clone(), ExportData { identities, history, schema })
}

/// All data about a user.
#[derive(JsonSchema, Serialize)]
pub struct Export {
    #[schemars(with = "String", extend("format" = "date-time"))]
    exported_at: Timestamp,
    profile: Profile,
    /// Sessions, links and other records under the user's id.
    #[schemars(with = "Vec<serde_json::Value>")]
    records: Vec<Record>,
    /// The events as they were published, newest first.
    events: Vec<Box<RawValue>>,
    /// Where to read further events, if they do not fit in one response.
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
        let (user, records, (events, is_whole)) = tokio::try_join!(
            caller.user(),
            async { Ok(self.identities.records(caller.user_id).await?) },
            self.history(caller.user_id)
        )?;
        let more_events = (!is_whole).then_some("/v1/me/events");
        let (exported_at, profile) = (caller.head.now, Profile::for_owner(&user, &self.schema));
        Ok(Json(Export { exported_at, profile, records, events, more_events }))
    }
}

impl ExportData {
    /// Returns the newest events that fit in one response, and whether they are all.
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

/// Returns the bytes of an event in the response. Lambda takes the body as a JSON string, where some
/// characters take two bytes.
fn octets_in_answer(detail: &str) -> usize {
    detail.len() + detail.bytes().filter(|octet| matches!(octet, b'"' | b'\\')).count()
}
