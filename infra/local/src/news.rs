//! What somebody who watches wants to know at once.

use crate::{bus::Published, mailbox::Mail};

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
