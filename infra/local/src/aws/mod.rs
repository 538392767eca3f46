//! The services of AWS, as far as the functions call them.

mod answer;
mod cbor;
pub(crate) mod dynamodb;
pub(crate) mod eventbridge;
pub(crate) mod http_client;
mod pwned_passwords;
mod recent;
mod rules;
pub(crate) mod s3;
pub(crate) mod secrets_manager;
mod services;
pub(crate) mod ses;
pub(crate) mod sqs;

pub(crate) use services::{Reviewer, Services};
