//! What people do with the whole system. Run against the local one by `cargo test`, against a
//! deployed one where `GATEPOST_URL`, `GATEPOST_MAILBOX` and `GATEPOST_EVENTS` say where it is, and
//! `GATEPOST_ADMINISTRATOR` who may change others there.

mod administration;
mod answers;
mod credentials;
mod leaving;
mod life;
mod links;
mod pictures;
mod sessions;
mod suspending;
