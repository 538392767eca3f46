//! The command, as people run it.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod command;
mod killed;
mod process;
