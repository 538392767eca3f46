//! `docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html`

use crate::gateway::Request;

/// "Total combined size of request line and header values".
const MAX_HEAD_BYTES: usize = 10_240;

/// Returns whether API Gateway refuses the request for the size of its request line and header values.
pub(crate) fn has_too_large_head(request: &Request) -> bool {
    let line = format!("{} {} HTTP/1.1", request.method, request.target);
    let values: usize = request.headers.values().map(http::HeaderValue::len).sum();
    line.len() + values > MAX_HEAD_BYTES
}
