//! The response of a function to a batch.

use serde::Serialize;

/// `ReportBatchItemFailures`: the records to retry. For a stream the first one is sufficient, since Lambda
/// restarts from it.
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
    /// Returns the identifiers of the records to retry.
    pub fn identifiers(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(|item| item.identifier.as_str())
    }
}

impl FromIterator<String> for BatchFailures {
    fn from_iter<I: IntoIterator<Item = String>>(identifiers: I) -> Self {
        Self { items: identifiers.into_iter().map(|identifier| Item { identifier }).collect() }
    }
}
