//! The local cloud, seen from outside: through the SDK, the gateway and the readers.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bounded;
mod browsers;
mod durable;
mod gateway;
mod in_time;
mod payloads;
mod readers;
mod service_rules;
mod services;
mod small;
mod template;
mod watching;
