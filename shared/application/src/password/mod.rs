//! What use cases that take a password share: how it is hashed, what a new one must be, and the present
//! one, asked for again.

mod breaches;
mod hasher;
mod reauthentication;
mod rules;

pub use hasher::{hasher, parameters};
pub use reauthentication::{Reauthenticated, Reauthentication};
pub use rules::{NewPasswordError, NewPasswordRules, Present, problems};
