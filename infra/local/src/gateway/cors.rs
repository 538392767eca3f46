//! Cross-origin resource sharing, as API Gateway and S3 do it.
//!
//! API Gateway answers a preflight itself, unless a route takes `OPTIONS`: `$default` does. Then the function
//! answers, and API Gateway adds the headers, in the place of those that the function returns.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::message::{Request, Response};
use crate::template::Cors;

const OF_CORS: [HeaderName; 6] = [
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

/// Returns whether a browser asks if it may send a request.
pub(super) fn is_preflight(request: &Request) -> bool {
    request.method == Method::OPTIONS
        && request.headers.contains_key(header::ORIGIN)
        && request.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Adds what the page that sent `request` may do with `response`.
pub(super) fn add_headers(cors: &Cors, request: &Request, response: &mut Response) {
    for name in OF_CORS {
        response.headers.remove(name);
    }
    let Some(origin) = allowed_origin(cors, request) else { return };
    let headers = &mut response.headers;
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    insert_list(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, &cors.expose_headers);
    if is_preflight(request) {
        insert_list(headers, header::ACCESS_CONTROL_ALLOW_METHODS, &cors.allow_methods);
        insert_list(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, &cors.allow_headers);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, cors.max_age.into());
    }
}

/// Returns the value of `access-control-allow-origin`; `None` if the origin is not allowed.
fn allowed_origin(cors: &Cors, request: &Request) -> Option<HeaderValue> {
    let origin = request.headers.get(header::ORIGIN)?;
    if cors.allow_origins.iter().any(|allowed| allowed == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    cors.allow_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}

fn insert_list(headers: &mut HeaderMap, name: HeaderName, values: &[String]) {
    if let Ok(list) = HeaderValue::from_str(&values.join(","))
        && !values.is_empty()
    {
        headers.insert(name, list);
    }
}
