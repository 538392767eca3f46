//! Seeded histories of the whole system under every fault, and what must hold after each.
//!
//! A [`History`] is plain data made of a seed. [`play`] lets people use the real functions while calls
//! fail, processes are killed, streams repeat themselves and clocks are wrong; then the faults stop, and
//! every [`Invariant`] is checked. Time stands still unless nobody has anything to do, chance comes from
//! the seed, and one thread does everything in turn: the same history is always the same play.

mod administrators;
mod chance;
mod check;
mod deployment;
mod faults;
mod history;
mod lambda;
mod mapping;
pub mod naive;
mod people;
mod play;
mod report;
mod request;
mod run;
mod shrink;
mod stage;
mod state;

pub use check::{Invariant, Violation};
pub use history::{Act, End, Fault, History, Role, Step, What};
pub use report::Report;
pub use run::{Outcome, System, play, play_all};
pub use shrink::shrink;
