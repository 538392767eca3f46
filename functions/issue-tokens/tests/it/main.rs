//! Tokens of clients, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod codes;
mod refreshing;
mod signing_in;
