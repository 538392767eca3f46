//! The data on this machine: the data folder, and the journal in the embedded database.

pub(crate) mod folder;
mod journal;
mod json;

pub(crate) use folder::Folder;
pub(crate) use journal::{Change, Journal, Shown};
pub(crate) use json::{parse, render};
