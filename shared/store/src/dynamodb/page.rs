//! Pages of queries and scans.

use crate::dynamodb::attributes::{Attributes, key, text_of};

/// Some of what was asked for. A page may be empty and not be the last.
#[derive(Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page starts, if there is one.
    pub next: Option<NextPage>,
}

/// Where a page starts.
#[derive(Debug)]
pub struct NextPage(pub(crate) Attributes);

impl NextPage {
    /// The place in the table Identities, as text that can be kept: its partition and its sort key.
    #[must_use]
    pub fn place(&self) -> Option<[String; 2]> {
        Some([text_of(&self.0, "pk")?.to_owned(), text_of(&self.0, "sk")?.to_owned()])
    }

    /// The page behind such a place.
    #[must_use]
    pub fn behind([pk, sk]: [String; 2]) -> Self {
        Self(key(pk, sk))
    }
}

pub(crate) fn page<T>(
    items: Option<Vec<Attributes>>,
    next: Option<Attributes>,
    parse: impl Fn(Attributes) -> T,
) -> Page<T> {
    Page { items: items.unwrap_or_default().into_iter().map(parse).collect(), next: next.map(NextPage) }
}
