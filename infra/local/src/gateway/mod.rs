//! API Gateway: finds the function of a route, calls it, and turns its answer into a response. The
//! same code serves sockets and tests.

mod api;
mod cors;
mod event;
mod limits;
mod message;
mod pages;
mod router;
pub(crate) mod server;

pub(crate) use api::Gateway;
pub use message::{Request, Response};
pub(crate) use router::Router;
