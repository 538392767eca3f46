//! What use cases that take a password share: how it is hashed, what a new one must be, and the present
//! one, asked for again.

mod breaches;
mod choice;
mod hashing;
mod reentry;

pub use choice::{Choice, NotChosen, Present, problems};
pub use hashing::{hasher, parameters};
pub use reentry::{Proven, Reentry};
