//! Authorization requests, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod interactions;
mod prompts;
mod requests;
