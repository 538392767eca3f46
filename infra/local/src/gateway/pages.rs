//! What is only there on this machine: mails, events, and the page that a mail's link opens.

use domain::Canary;
use http::{HeaderName, HeaderValue, Method, header};
use serde::Serialize;

use super::message::{Request, Response};
use crate::{activity::Published, aws::Services};

/// The answer, if the path is one of these.
pub(super) fn answer(services: &Services, request: &Request, shown: Option<u64>) -> Option<Response> {
    let page = request.path().strip_prefix("/_local/")?;
    let mut response = if matches!(request.method, Method::GET | Method::HEAD) {
        read(services, page, shown)
    } else {
        Response::message(405, "Method Not Allowed")
    };
    response.headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response.headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Some(response)
}

fn read(services: &Services, page: &str, shown: Option<u64>) -> Response {
    match page {
        "mail" => list(&services.mails(), shown),
        "events" => list(&events(services), shown),
        "verify" => html(include_str!("verify.html")),
        "reset-password" => html(include_str!("reset-password.html")),
        "verify-email-change" => html(include_str!("verify-email-change.html")),
        _ => Response::message(404, "Not Found"),
    }
}

/// A page that posts the token of its link: what it posts, and how all of them do it.
fn html(page: &str) -> Response {
    let page = [include_str!("page-begin.html"), page, include_str!("page-end.html")].concat();
    Response::new(200, "text/html;charset=UTF-8", page)
}

/// What a rule for Gatepost's events brings: no canaries.
fn events(services: &Services) -> Vec<Published> {
    services.events().into_iter().filter(|event| event.source != Canary::SOURCE).collect()
}

/// A list of what is kept, and in `x-kept` how many of the newest that is.
fn list(entries: &impl Serialize, shown: Option<u64>) -> Response {
    match serde_json::to_vec_pretty(entries) {
        Ok(body) => {
            let mut response = Response::new(200, "application/json", body);
            let kept = shown.map_or_else(|| "all".to_owned(), |newest| newest.to_string());
            response.headers.extend(kept.try_into().map(|kept| (HeaderName::from_static("x-kept"), kept)));
            response
        }
        Err(_) => Response::message(500, "Internal Server Error"),
    }
}
