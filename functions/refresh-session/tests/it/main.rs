//! Refreshing, seen from outside.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod life;
mod refreshing;
