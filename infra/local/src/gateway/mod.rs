//! API Gateway: finds the function of a route, calls it, and turns its answer into a response. The
//! same code serves sockets and tests.

mod cors;
mod event;
mod message;
mod pages;
mod router;
pub(crate) mod server;

use std::net::IpAddr;

use http::Method;
use hyper::body::Bytes;

pub use message::{Request, Response};
use router::Found;
pub(crate) use router::Router;

use crate::{
    functions::CallFailed,
    rules::{api_gateway, lambda::InvocationType},
    stack::Stack,
    uploads,
};

/// API Gateway's limit of a request's body.
pub(crate) const MAX_BODY: usize = 10 * 1024 * 1024;

/// Answers one request.
pub(crate) async fn answer(stack: &Stack, request: Request, peer: IpAddr) -> Response {
    let mut response = if let Some(bucket) = request.path().strip_prefix(uploads::PATH) {
        upload(stack, &request, bucket.trim_matches('/')).await
    } else if let Some(page) = pages::answer(stack, &request) {
        page
    } else {
        api(stack, &request, peer).await
    };
    if request.method == Method::HEAD {
        response.body = Bytes::new();
    }
    response
}

async fn upload(stack: &Stack, request: &Request, bucket: &str) -> Response {
    let mut response = if cors::is_preflight(request) {
        Response::new(200, "application/xml", "")
    } else if request.method == Method::POST {
        uploads::post(stack, request, bucket).await
    } else {
        Response::message(405, "Method Not Allowed")
    };
    if let Some(cors) = stack.template().bucket_cors.get(bucket) {
        cors::add_headers(cors, request, &mut response);
    }
    response
}

async fn api(stack: &Stack, request: &Request, peer: IpAddr) -> Response {
    let cors = stack.template().cors.as_ref();
    let mut response = match stack.0.router.find(request.method.as_str(), request.path()) {
        _ if api_gateway::has_too_large_head(request) => {
            Response::message(431, "Request Header Fields Too Large")
        }
        _ if request.body.len() > MAX_BODY => Response::message(413, "Request Entity Too Large"),
        Some(found) => call(stack, request, &found, peer).await,
        None if cors.is_some() && cors::is_preflight(request) => Response::new(204, "application/json", ""),
        None => Response::message(404, "Not Found"),
    };
    if let Some(cors) = cors {
        cors::add_headers(cors, request, &mut response);
    }
    response
}

async fn call(stack: &Stack, request: &Request, found: &Found<'_>, peer: IpAddr) -> Response {
    let event = event::of(request, found, peer, stack.clock().now());
    match stack.invoke(&found.route.function, InvocationType::RequestResponse, event).await {
        Ok(answer) => event::response(&answer).unwrap_or_else(internal_error),
        Err(error) => {
            stack.tell_trouble(&error.to_string());
            match error {
                CallFailed::RequestTooLarge(_) => Response::message(413, "Request Entity Too Large"),
                CallFailed::TimedOut(_) => Response::message(503, "Service Unavailable"),
                _ => internal_error(),
            }
        }
    }
}

fn internal_error() -> Response {
    Response::message(500, "Internal Server Error")
}
