//! The cloud in one process: API Gateway, Lambda, DynamoDB with its streams, EventBridge, SQS, SES, S3
//! and Secrets Manager, as far as `template.yaml` uses them.
//!
//! A [`Stack`] is the template, deployed on this machine. The functions are the very ones that run
//! on Lambda, with the very AWS SDK; what differs is the HTTP client under that SDK, which hands
//! each request to a service in this process. `gatepost dev` lets a stack [run](Stack::run) by
//! itself; tests send it requests and let it [settle](Stack::settle).

mod batch;
mod breaches;
mod bus;
pub mod calls;
mod cbor;
mod consumer;
mod expiry;
mod folder;
pub mod functions;
mod gateway;
mod journal;
mod mailbox;
mod news;
pub mod pattern;
mod queue;
mod recent;
mod request_tokens;
mod rules;
mod running;
mod seam;
mod secrets;
mod services;
mod setup;
mod simulator;
mod stack;
mod stream;
mod tables;
pub mod template;
mod touches;
mod uploads;

pub use bus::Published;
pub use gateway::{Request, Response};
pub use mailbox::Mail;
pub use news::News;
pub use running::Running;
pub use setup::Setup;
pub use stack::{Stack, StartError, Stuck};
pub use stream::StreamRecord;
