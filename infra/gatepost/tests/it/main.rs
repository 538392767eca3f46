//! The command, as people run it.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod changing;
mod command;
mod killed;
mod looking;
mod operated;
mod process;
mod publishing;
mod verifying;
