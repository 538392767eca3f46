//! The command, as people run it.

mod command;
mod killed;
mod process;
