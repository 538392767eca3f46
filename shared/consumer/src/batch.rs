//! What a function answers about a batch: which of its records are to be sent again.

use serde::Serialize;

/// `ReportBatchItemFailures`: the records that are to be sent again. For a stream the first one is
/// enough, since Lambda starts again from it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct BatchFailures {
    #[serde(rename = "batchItemFailures")]
    items: Vec<Item>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Item {
    #[serde(rename = "itemIdentifier")]
    identifier: String,
}

impl BatchFailures {
    /// The identifiers of the records that are to be sent again.
    pub fn identifiers(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(|item| item.identifier.as_str())
    }
}

impl FromIterator<String> for BatchFailures {
    fn from_iter<I: IntoIterator<Item = String>>(identifiers: I) -> Self {
        Self { items: identifiers.into_iter().map(|identifier| Item { identifier }).collect() }
    }
}
