//! The largest requests: `docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html`.

use super::message::Request;

/// "Payload size".
pub(super) const MAX_BODY: usize = 10 * 1024 * 1024;
/// "Total combined size of request line and header values".
const MAX_HEAD_BYTES: usize = 10_240;

/// Returns whether API Gateway refuses the request for the size of its request line and header values.
pub(super) fn has_too_large_head(request: &Request) -> bool {
    let line = format!("{} {} HTTP/1.1", request.method, request.target);
    let values: usize = request.headers.values().map(http::HeaderValue::len).sum();
    line.len() + values > MAX_HEAD_BYTES
}
