//! The answer to a request: of a function, of S3, or of a page of this machine.

use std::{net::IpAddr, sync::Arc};

use cloud::Clock;
use http::Method;
use hyper::body::Bytes;

use super::{
    cors, event,
    limits::{self, MAX_BODY},
    message::{Request, Response},
    pages,
    router::{Found, Router},
};
use crate::{
    aws::{
        Services,
        s3::{self, Form, FormError},
    },
    functions::CallFailed,
    lambda::{Host, InvocationType},
};

/// The gateway to the functions.
pub(crate) struct Gateway {
    pub(crate) services: Arc<Services>,
    pub(crate) host: Arc<Host>,
    pub(crate) router: Router,
    pub(crate) clock: Clock,
    /// How many of the newest mails and events are kept; `None` for all.
    pub(crate) shown: Option<u64>,
}

impl Gateway {
    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request, peer: IpAddr) -> Response {
        let mut response = if let Some(bucket) = request.path().strip_prefix(s3::PATH) {
            self.upload(&request, bucket.trim_matches('/')).await
        } else if let Some(page) = pages::answer(&self.services, &request, self.shown) {
            page
        } else {
            self.api(&request, peer).await
        };
        if request.method == Method::HEAD {
            response.body = Bytes::new();
        }
        response
    }

    async fn upload(&self, request: &Request, bucket: &str) -> Response {
        let mut response = if cors::is_preflight(request) {
            Response::new(200, "application/xml", "")
        } else if request.method == Method::POST {
            self.post(request, bucket).await
        } else {
            Response::message(405, "Method Not Allowed")
        };
        if let Some(cors) = self.services.template.bucket_cors.get(bucket) {
            cors::add_headers(cors, request, &mut response);
        }
        response
    }

    async fn post(&self, request: &Request, bucket: &str) -> Response {
        let form = Form::read(&request.headers, request.body.clone()).await;
        match form.and_then(|form| form.check(bucket, self.clock.now())) {
            Ok(upload) => {
                self.services.upload(upload);
                Response::new(204, "application/xml", "")
            }
            Err(FormError { status, code }) => Response::new(status, "application/xml", s3::error(code)),
        }
    }

    async fn api(&self, request: &Request, peer: IpAddr) -> Response {
        let cors = self.services.template.cors.as_ref();
        let mut response = match self.router.find(request.method.as_str(), request.path()) {
            _ if limits::has_too_large_head(request) => {
                Response::message(431, "Request Header Fields Too Large")
            }
            _ if request.body.len() > MAX_BODY => Response::message(413, "Request Entity Too Large"),
            Some(found) => self.call(request, &found, peer).await,
            None if cors.is_some() && cors::is_preflight(request) => {
                Response::new(204, "application/json", "")
            }
            None => Response::message(404, "Not Found"),
        };
        if let Some(cors) = cors {
            cors::add_headers(cors, request, &mut response);
        }
        response
    }

    async fn call(&self, request: &Request, found: &Found<'_>, peer: IpAddr) -> Response {
        let event = event::of(request, found, peer, self.clock.now());
        match self.host.invoke(&found.route.function, InvocationType::RequestResponse, event).await {
            Ok(answer) => event::response(&answer).unwrap_or_else(internal_error),
            Err(error) => {
                self.host.report_trouble(&error.to_string());
                match error {
                    CallFailed::RequestTooLarge(_) => Response::message(413, "Request Entity Too Large"),
                    CallFailed::TimedOut(_) => Response::message(503, "Service Unavailable"),
                    _ => internal_error(),
                }
            }
        }
    }
}

fn internal_error() -> Response {
    Response::message(500, "Internal Server Error")
}
