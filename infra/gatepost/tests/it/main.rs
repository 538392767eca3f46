//! The `gatepost` command, run as a process.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod admitting;
mod aws;
mod changing;
mod clients;
mod command;
mod copying;
mod counting;
mod doctor;
mod drills;
mod exports;
mod granting;
mod import_memory;
mod killed;
mod looking;
mod mail;
mod moved;
mod moving_in;
mod moving_out;
mod operated;
mod process;
mod publishing;
mod reading_exports;
mod ring;
mod stacks;
mod tasks;
mod verifying;
