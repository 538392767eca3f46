//! Checks of the architecture: dependencies, the layout of files, and the shape of functions.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod admission;
mod again;
mod authorization;
mod cancellations;
mod contract;
mod dependencies;
mod documentation;
mod english;
mod events;
mod headers;
mod layout;
mod limits;
mod logs;
mod modules;
mod quotas;
mod races;
mod rights;
mod routes;
