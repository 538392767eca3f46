//! Conversion of API Gateway events to requests. `lambda_http` panics on an invalid URI and on a body that is
//! not base64, so both are checked first: no event ends the environment.

use std::mem;

use base64::{Engine, engine::general_purpose::STANDARD};
use cloud::InvocationError;
use lambda_http::{
    Body, RequestExt,
    aws_lambda_events::apigw::ApiGatewayV2httpRequestContext,
    http::{HeaderMap, Request, header::HOST},
    request::{LambdaRequest, RequestContext},
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::ProblemType;

/// The largest body, in bytes.
const MAX_BODY: usize = 16 * 1024;
/// The longest path and the longest query, in bytes. API Gateway allows 10 KiB for the request line and all
/// headers.
const MAX_TARGET: usize = 10 * 1024;
/// The ASCII characters that the query of a URI must encode (RFC 3986, section 3.4).
const NOT_IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');

const NOT_VERSION_2: InvocationError =
    InvocationError("the event is not a request of an HTTP API in payload format 2.0");
const INVALID_TARGET: InvocationError = InvocationError("the event has an invalid path or query");

/// A request with a decoded body, or the reason why the body is unusable.
pub(crate) type ApiRequest = Request<Result<Body, ProblemType>>;

/// Converts an event.
///
/// # Errors
/// If the event has another payload format or no path.
pub(crate) fn from_event(event: LambdaRequest) -> Result<ApiRequest, InvocationError> {
    let LambdaRequest::ApiGatewayV2(mut event) = event else { return Err(NOT_VERSION_2) };
    if event.version.as_deref() != Some("2.0") {
        return Err(NOT_VERSION_2);
    }
    let path = event.raw_path.as_deref().unwrap_or_default();
    let query = event.raw_query_string.take().unwrap_or_default();
    if !path.starts_with('/') || path.len() > MAX_TARGET || query.len() > MAX_TARGET {
        return Err(INVALID_TARGET);
    }
    event.raw_query_string = Some(utf8_percent_encode(&query, NOT_IN_QUERY).to_string());
    // The URI would use the host of the request, which may be invalid.
    event.headers.remove(HOST);
    event.request_context.domain_name = None;
    event.request_context.stage = None;
    let body = decoded(event.body.take(), event.is_base64_encoded);
    Ok(Request::<Body>::from(LambdaRequest::ApiGatewayV2(event)).map(|_| body))
}

/// Returns the context that the gateway adds. Clients cannot write it.
pub(crate) fn context<B>(request: &Request<B>) -> Option<&ApiGatewayV2httpRequestContext> {
    match request.extensions().request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => Some(context),
        _ => None,
    }
}

/// Returns a header. Characters that are not UTF-8 are replaced.
pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Decodes a body, unless it is too large.
fn decoded(text: Option<String>, is_base64: bool) -> Result<Body, ProblemType> {
    let mut text = Zeroizing::new(text.unwrap_or_default());
    // Base64 has four characters for three bytes.
    let max_length = if is_base64 { MAX_BODY.div_ceil(3) * 4 } else { MAX_BODY };
    if text.len() > max_length {
        return Err(ProblemType::PayloadTooLarge);
    }
    if !is_base64 {
        return Ok(Body::from(mem::take(&mut *text)));
    }
    let octets = STANDARD.decode(&*text).map_err(|_| ProblemType::MalformedJson)?;
    if octets.len() > MAX_BODY {
        return Err(ProblemType::PayloadTooLarge);
    }
    Ok(Body::from(octets))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event() -> Value {
        json!({
            "version": "2.0",
            "rawPath": "/v1/users/a%2Fb",
            "headers": {},
            "requestContext": {"http": {"method": "POST", "sourceIp": "203.0.113.7"}},
        })
    }

    fn request(event: &Value) -> ApiRequest {
        let event = serde_json::from_str(&event.to_string()).expect("an event");
        from_event(event).expect("a request")
    }

    fn with(name: &str, value: impl Into<Value>) -> ApiRequest {
        let mut event = event();
        event[name] = value.into();
        request(&event)
    }

    #[test]
    fn absent_and_null_parts_are_empty() {
        // The last event is one of `cargo lambda watch`.
        for parts in [
            json!({}),
            json!({"rawQueryString": null, "pathParameters": null, "cookies": null, "headers": null, "body": null}),
            json!({
                "type": null, "methodArn": null, "httpMethod": "GET", "identitySource": null,
                "authorizationToken": null, "resource": null, "routeKey": "$default", "rawQueryString": null,
                "queryStringParameters": {}, "pathParameters": {}, "stageVariables": {}, "isBase64Encoded": false,
            }),
        ] {
            let mut event = event();
            event.as_object_mut().expect("an object").extend(parts.as_object().expect("an object").clone());
            let request = request(&event);
            assert_eq!(request.uri().query(), None, "{parts}");
            assert!(request.extensions().path_parameters().is_empty(), "{parts}");
            assert_eq!(request.body(), &Ok(Body::Text(String::new())), "{parts}");
        }
    }

    #[test]
    fn the_path_and_the_query_stay_as_they_were_sent() {
        let request = with("rawQueryString", "b=2&a=%2B+x&a=1");
        assert_eq!(request.extensions().raw_http_path(), "/v1/users/a%2Fb");
        assert_eq!(request.uri().query(), Some("b=2&a=%2B+x&a=1"));
        assert_eq!(with("rawPath", "/a/../b//c/.").extensions().raw_http_path(), "/a/../b//c/.");
    }

    #[test]
    fn no_path_query_or_host_makes_the_conversion_panic() {
        let characters = (0..=0x2ff_u32).filter_map(char::from_u32);
        for character in characters.chain(['\u{2028}', '\u{fffd}', '\u{1f600}']) {
            let text = format!("a{character}%{character}");
            let path = format!("/{text}");
            assert_eq!(with("rawPath", &*path).extensions().raw_http_path(), path, "{character:?}");
            let request = with("rawQueryString", &*text);
            assert!(request.uri().query().is_some_and(|query| query.starts_with('a')), "{character:?}");
        }
        for host in ["", "a b", "[", "a:99999999", "/", "é", "a@b:c"] {
            with("headers", json!({"host": host, "x-forwarded-proto": "1 2"}));
            let mut event = event();
            event["requestContext"]["domainName"] = host.into();
            event["requestContext"]["stage"] = host.into();
            request(&event);
        }
    }

    #[test]
    fn an_event_without_a_path_is_refused() {
        let long = format!("/{}", "a".repeat(MAX_TARGET));
        for path in [Value::Null, "".into(), ":99999999".into(), "@host".into(), long.into()] {
            let mut event = event();
            event["rawPath"] = path;
            let event = serde_json::from_str(&event.to_string()).expect("an event");
            assert_eq!(from_event(event).expect_err("a refusal").0, INVALID_TARGET.0);
        }
    }

    #[test]
    fn events_of_other_services_are_refused() {
        for version in [Value::Null, "1.0".into(), "3.0".into()] {
            let mut event = event();
            event["version"] = version;
            let event = serde_json::from_str(&event.to_string()).expect("an event");
            assert_eq!(from_event(event).expect_err("a refusal").0, NOT_VERSION_2.0);
        }
        let rest = json!({
            "resource": "/a", "path": "/a", "httpMethod": "GET", "headers": {"secret": "s3cret"}, "body": null,
            "requestContext": {"stage": "prod", "httpMethod": "GET", "identity": {"sourceIp": "203.0.113.7"}},
        });
        let balancer = json!({
            "requestContext": {"elb": {"targetGroupArn": "arn"}}, "httpMethod": "GET", "path": "/a",
            "headers": {"secret": "s3cret"}, "body": "", "isBase64Encoded": false,
        });
        for other in [rest, balancer, json!({}), json!(null), json!("s3cret"), json!({"Records": []})] {
            let error = serde_json::from_str::<LambdaRequest>(&other.to_string()).expect_err("an error");
            let text = error.to_string();
            assert!(
                text.starts_with("this function expects a JSON payload from Amazon API Gateway"),
                "{text}"
            );
            assert!(!text.contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn the_source_address_comes_from_the_gateway_not_from_headers() {
        let request =
            with("headers", json!({"x-forwarded-for": "198.51.100.1", "x-real-ip": "198.51.100.1"}));
        let source = context(&request).and_then(|context| context.http.source_ip.as_deref());
        assert_eq!(source, Some("203.0.113.7"));
    }

    #[test]
    fn headers_have_lower_case_names_and_any_text() {
        let request =
            with("headers", json!({"User-Agent": "ключ", "accept": "a,b", "x-list": ["one", "two"]}));
        assert_eq!(header(request.headers(), "user-agent").as_deref(), Some("ключ"));
        assert_eq!(header(request.headers(), "accept").as_deref(), Some("a,b"));
        assert_eq!(header(request.headers(), "x-list").as_deref(), Some("one"));
        assert_eq!(header(request.headers(), "authorization"), None);
    }

    #[test]
    fn cookies_of_the_event_become_one_header() {
        let request = with("cookies", json!(["a=1", "b=2"]));
        assert_eq!(header(request.headers(), "cookie").as_deref(), Some("a=1; b=2"));
        with("cookies", json!(["a=\n"]));
    }

    #[test]
    fn a_base64_body_is_decoded() {
        let decoded = |text: &str| decoded(Some(text.to_owned()), true);
        assert_eq!(decoded("e30="), Ok(Body::Binary(b"{}".to_vec())));
        for malformed in ["e30", "e30=\n", "{}", "é"] {
            assert_eq!(decoded(malformed), Err(ProblemType::MalformedJson), "{malformed}");
        }
    }

    #[test]
    fn a_body_over_the_limit_is_refused_before_it_is_decoded() {
        let largest = vec![b'x'; MAX_BODY];
        let larger = vec![b'x'; MAX_BODY + 1];
        for (octets, is_taken) in [(&largest, true), (&larger, false)] {
            let text = String::from_utf8(octets.clone()).expect("text");
            assert_eq!(decoded(Some(text), false).is_ok(), is_taken);
            assert_eq!(decoded(Some(STANDARD.encode(octets)), true).is_ok(), is_taken);
        }
        // The text is not base64, but its length decides.
        let malformed = "!".repeat(MAX_BODY * 2);
        assert_eq!(decoded(Some(malformed), true), Err(ProblemType::PayloadTooLarge));
    }
}
