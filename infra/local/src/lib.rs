//! The cloud in one process: API Gateway, Lambda, DynamoDB with its streams, EventBridge, SQS, SES, S3
//! and Secrets Manager, as far as `template.yaml` uses them.
//!
//! A [`Stack`] is the template, deployed on this machine. The functions are the very ones that run
//! on Lambda, with the very AWS SDK; what differs is the HTTP client under that SDK, which hands
//! each request to a service in this process. `gatepost dev` lets a stack [run](Stack::run) by
//! itself; tests send it requests and let it [settle](Stack::settle).

mod activity;
mod aws;
mod builder;
pub mod functions;
mod gateway;
mod lambda;
mod recorder;
mod running;
mod stack;
mod start_error;
mod storage;
pub mod template;

pub use activity::{Mail, News, Published};
pub use builder::Setup;
pub use gateway::{Request, Response};
pub use lambda::StreamRecord;
pub use recorder::calls;
pub use running::Running;
pub use stack::{Stack, Stuck};
pub use start_error::StartError;
