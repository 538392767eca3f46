//! The weekly status report, sent to the configured recipient only.

use cloud::{SettingError, Settings};
use domain::{Email, Timestamp};
use gatepost_consumer::{Event, Unhandled};
use serde::{Deserialize, Deserializer, de::Error};

use crate::{
    SendMail,
    letter::{Content, Letter, Matter},
    words::Words,
};

/// The text for a missing value, in any language.
pub(crate) const NOTHING: &str = "–";

/// The data of the event.
#[derive(Deserialize)]
pub(crate) struct Figures {
    users: Users<u64>,
    change: Option<Users<i64>>,
    #[serde(default, deserialize_with = "moment")]
    since: Option<Timestamp>,
    #[serde(default, deserialize_with = "moment")]
    counted_at: Option<Timestamp>,
    waiting_events: u64,
    dead_events: u64,
    failed_tasks: Vec<String>,
    late_tasks: Vec<String>,
    #[serde(default, deserialize_with = "moment")]
    newest_key_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Users<T> {
    active: T,
    suspended: T,
    deleting: T,
}

/// Returns the address in `DIGEST_RECIPIENT`, if it is set.
pub(crate) fn recipient(settings: &Settings) -> Result<Option<Email>, SettingError> {
    let address = settings.optional("DIGEST_RECIPIENT").map(Email::parse).transpose();
    address.map_err(|_| SettingError::new("DIGEST_RECIPIENT", "is not an e-mail address"))
}

impl SendMail {
    /// Sends the status report, if there is a recipient.
    pub(crate) async fn digest(&self, event: &Event) -> Result<(), Unhandled> {
        let Some(to) = &self.digest_recipient else { return Ok(()) };
        let figures: Figures = event.data()?;
        if !self.may_get(to, None, event).await? {
            return Ok(());
        }
        let content = Content { name: None, matter: Matter::Figures(&figures) };
        self.send((to, None), Letter::Digest, content).await
    }
}

impl Figures {
    /// The placeholders of the letter.
    pub(crate) const PLACES: [&str; 12] = [
        "greeting",
        "service",
        "active",
        "suspended",
        "deleting",
        "since",
        "counted",
        "waiting",
        "dead",
        "failed",
        "late",
        "key",
    ];
    /// The placeholders that each translation needs: numbers that require action, and the number of users.
    pub(crate) const NEEDED: [&str; 5] = ["active", "waiting", "dead", "failed", "late"];

    pub(crate) fn filled(&self, words: &Words) -> [(&'static str, String); 10] {
        let Self { users, change, .. } = self;
        let changed = |of: fn(&Users<i64>) -> i64| change.as_ref().map(of);
        let moment =
            |moment: Option<Timestamp>| moment.map_or_else(|| NOTHING.to_owned(), |then| words.moment(then));
        [
            ("active", counted(users.active, changed(|change| change.active))),
            ("suspended", counted(users.suspended, changed(|change| change.suspended))),
            ("deleting", counted(users.deleting, changed(|change| change.deleting))),
            ("since", moment(self.since)),
            ("counted", moment(self.counted_at)),
            ("waiting", self.waiting_events.to_string()),
            ("dead", self.dead_events.to_string()),
            ("failed", listed(&self.failed_tasks)),
            ("late", listed(&self.late_tasks)),
            ("key", moment(self.newest_key_at)),
        ]
    }

    /// Returns sample figures for the preview.
    pub(crate) fn sample(now: Timestamp) -> Self {
        Self {
            users: Users { active: 1204, suspended: 3, deleting: 1 },
            change: Some(Users { active: 12, suspended: -1, deleting: 0 }),
            since: Some(now),
            counted_at: Some(now),
            waiting_events: 2,
            dead_events: 0,
            failed_tasks: vec!["rotate-keys".to_owned()],
            late_tasks: Vec::new(),
            newest_key_at: Some(now),
        }
    }
}

/// Formats a number and its change: `1204 (+12)`.
fn counted(count: u64, change: Option<i64>) -> String {
    match change {
        Some(change) if change != 0 => format!("{count} ({change:+})"),
        _ => count.to_string(),
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { NOTHING.to_owned() } else { names.join(", ") }
}

fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
}
