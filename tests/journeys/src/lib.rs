//! A place where Gatepost runs, and people who use it, over HTTP.

mod person;
mod place;

pub use person::{Person, Tokens};
pub use place::{Answer, Place};
