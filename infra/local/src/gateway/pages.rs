//! What is only there on this machine: mails, events, and the page that a mail's link opens.

use serde::Serialize;

use super::{Request, Response};
use crate::stack::Stack;

/// The answer, if the path is one of these.
pub(super) fn answer(stack: &Stack, request: &Request) -> Option<Response> {
    let page = request.path().strip_prefix("/_local/")?;
    if request.method != http::Method::GET {
        return Some(Response::message(405, "Method Not Allowed"));
    }
    Some(match page {
        "mail" => list(&stack.mail()),
        "events" => list(&stack.events()),
        "verify" => Response::new(200, "text/html;charset=UTF-8", include_str!("verify.html")),
        _ => Response::message(404, "Not Found"),
    })
}

fn list(entries: &impl Serialize) -> Response {
    match serde_json::to_vec_pretty(entries) {
        Ok(body) => Response::new(200, "application/json", body),
        Err(_) => Response::message(500, "Internal Server Error"),
    }
}
