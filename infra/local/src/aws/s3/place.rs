//! The place of an object.

use serde::Deserialize;

/// A bucket, and the key of an object in it.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Place {
    pub(super) bucket: String,
    pub(super) key: String,
}
