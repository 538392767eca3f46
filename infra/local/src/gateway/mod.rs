//! API Gateway: finds the function of a route, calls it, and turns its answer into a response. The
//! same code serves sockets and tests.

mod event;
mod message;
mod pages;
mod router;
pub(crate) mod server;

use std::net::IpAddr;

pub use message::{Request, Response};
pub(crate) use router::Router;

use crate::{functions::CallFailed, stack::Stack, uploads};

/// API Gateway's limit of a request's body.
pub(crate) const MAX_BODY: usize = 10 * 1024 * 1024;

/// Answers one request.
pub(crate) async fn answer(stack: &Stack, request: Request, peer: IpAddr) -> Response {
    if let Some(bucket) = request.path().strip_prefix(uploads::PATH)
        && request.method == http::Method::POST
    {
        return uploads::post(stack, &request, bucket.trim_matches('/')).await;
    }
    if let Some(response) = pages::answer(stack, &request) {
        return response;
    }
    if request.body.len() > MAX_BODY {
        return Response::message(413, "Request Entity Too Large");
    }
    let Some(found) = stack.0.router.find(request.method.as_str(), request.path()) else {
        return Response::message(404, "Not Found");
    };
    let event = event::of(&request, &found, peer, stack.clock().now());
    match stack.invoke(&found.route.function, event).await {
        Ok(answer) => event::response(&answer).unwrap_or_else(internal_error),
        Err(error) => {
            stack.tell_trouble(&error.to_string());
            match error {
                CallFailed::TimedOut(_) => Response::message(503, "Service Unavailable"),
                _ => internal_error(),
            }
        }
    }
}

fn internal_error() -> Response {
    Response::message(500, "Internal Server Error")
}
