//! What use cases share, as they call it.
#![allow(clippy::expect_used, reason = "tests may panic: that is how they fail")]

mod pages;
mod passwords;
