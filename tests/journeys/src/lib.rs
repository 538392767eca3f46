//! A place where Gatepost runs, and people who use it, over HTTP.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "what a test stands on fails by a panic, anywhere"
)]

mod person;
mod place;

pub use person::{Person, Tokens};
pub use place::{Answer, Place};
