//! Cursors: where a list goes on, sealed for whose list it is, so that a client can neither make one
//! up nor use it elsewhere.

use domain::{Secret, Seeds};

use crate::sealed::{Kind, Seals};

const KIND: Kind = Kind { prefix: "gpc_", label: b"gatepost/1/cursor" };

/// Makes cursors and reads them.
pub struct CursorKeys(Seals);

impl CursorKeys {
    /// The keys of a deployment.
    #[must_use]
    pub fn derive(seeds: &Seeds) -> Self {
        Self(Seals::derive(KIND, seeds))
    }

    /// The cursor to what follows `position` in the list that `list` names.
    #[must_use]
    pub fn seal(&self, position: u128, list: &[u8]) -> String {
        self.0.seal(&position.to_be_bytes(), list).expose().to_owned()
    }

    /// The position of a cursor of this list.
    #[must_use]
    pub fn open(&self, cursor: String, list: &[u8]) -> Option<u128> {
        self.0.open(&Secret::from(cursor), list).ok().map(u128::from_be_bytes)
    }
}
