//! Refreshing sessions, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod again;
mod environment;
mod life;
mod refreshing;
