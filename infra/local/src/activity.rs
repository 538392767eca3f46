//! What happens on this machine, for its readers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something happened.
#[derive(Clone, Debug)]
pub enum News {
    /// A mail was sent.
    Mail(Mail),
    /// An event was published.
    Event(Published),
    /// Something went wrong that nobody is told otherwise.
    Trouble(String),
}

/// A mail that was sent.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Mail {
    /// The id that SES answered.
    pub id: String,
    /// Who gets it.
    pub to: Vec<String>,
    /// Who it is from.
    pub from: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// The same as HTML, if it has that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// When it was sent (RFC 3339).
    pub sent_at: String,
    /// The links in its text.
    pub links: Vec<String>,
}

/// An event that was published.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Published {
    /// EventBridge's own id of this publication.
    pub id: String,
    /// When it was published (RFC 3339).
    pub time: String,
    /// Who published it.
    pub source: String,
    /// What it is.
    pub detail_type: String,
    /// What it says.
    pub detail: Value,
}
