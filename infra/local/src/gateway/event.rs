//! API Gateway's payload format 2.0.

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use cloud::Random;
use domain::Timestamp;
use http::{HeaderName, HeaderValue, header};
use serde_json::{Map, Value, json};

use super::{
    message::{Request, Response},
    router::{Found, percent_decoded},
};
use crate::template::ACCOUNT;

/// The event that a function gets for a request.
pub(super) fn of(request: &Request, found: &Found<'_>, peer: IpAddr, now: Timestamp) -> String {
    let key = found.route.key();
    let (headers, cookies) = headers(request);
    let domain = request.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    let agent = headers.get("user-agent").cloned().unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": key,
        "rawPath": request.path(),
        "rawQueryString": request.target.query().unwrap_or_default(),
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": "local",
            "http": {
                "method": request.method.as_str(),
                "path": request.path(),
                "protocol": "HTTP/1.1",
                // What the connection says, never what a header claims.
                "sourceIp": peer.to_string(),
                "userAgent": agent,
            },
            "requestId": Random::system().uuid().to_string(),
            "routeKey": key,
            "stage": "$default",
            "time": now.to_string(),
            "timeEpoch": now.millis(),
        },
        "isBase64Encoded": false,
    });
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !found.parameters.is_empty() {
        event["pathParameters"] = json!(found.parameters);
    }
    if let Some(query) = request.target.query().filter(|query| !query.is_empty()) {
        event["queryStringParameters"] = query_parameters(query);
    }
    if !request.body.is_empty() {
        let text = is_text(request).then(|| std::str::from_utf8(&request.body).ok()).flatten();
        event["isBase64Encoded"] = text.is_none().into();
        event["body"] = text.map_or_else(|| STANDARD.encode(&request.body), str::to_owned).into();
    }
    event.to_string()
}

/// Lower-cased; several of one name joined by commas; cookies apart.
fn headers(request: &Request) -> (Map<String, Value>, Vec<String>) {
    let mut joined: Map<String, Value> = Map::new();
    let mut cookies = Vec::new();
    for (name, value) in &request.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        if name == header::COOKIE {
            cookies.extend(value.split("; ").map(str::to_owned));
            continue;
        }
        match joined.get_mut(name.as_str()) {
            Some(Value::String(before)) => {
                before.push(',');
                before.push_str(&value);
            }
            _ => {
                joined.insert(name.as_str().to_owned(), Value::String(value.into_owned()));
            }
        }
    }
    (joined, cookies)
}

fn query_parameters(query: &str) -> Value {
    let mut parameters: Map<String, Value> = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = |text: &str| percent_decoded(&text.replace('+', " "));
        let value = match parameters.get(&decoded(name)).and_then(Value::as_str) {
            Some(before) => format!("{before},{}", decoded(value)),
            None => decoded(value),
        };
        parameters.insert(decoded(name), Value::String(value));
    }
    Value::Object(parameters)
}

/// Whether the body goes into the event as it is; others are Base64.
fn is_text(request: &Request) -> bool {
    let kind =
        request.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || matches!(kind.as_str(), "application/json" | "application/javascript" | "application/xml")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
}

/// The response that a function's answer means; `None` if it means none.
pub(super) fn response(answer: &str) -> Option<Response> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    let Some(status) = answer.get("statusCode") else {
        // Without a status, the answer itself is the body.
        return Some(Response::new(200, "application/json", answer.to_string()));
    };
    let status = u16::try_from(status.as_u64()?).ok().filter(|status| (200..600).contains(status))?;
    let body = answer["body"].as_str().unwrap_or_default();
    let body = if answer["isBase64Encoded"] == true {
        STANDARD.decode(body).ok()?
    } else {
        body.as_bytes().to_vec()
    };
    let mut response = Response::new(status, "text/plain;charset=UTF-8", body);
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        response.headers.insert(name.parse::<HeaderName>().ok()?, HeaderValue::from_str(&value).ok()?);
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        response.headers.append(header::SET_COOKIE, HeaderValue::from_str(cookie.as_str()?).ok()?);
    }
    if response.body.is_empty() && answer["headers"].get("content-type").is_none() {
        response.headers.remove(header::CONTENT_TYPE);
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_no_response_is_none() {
        for answer in [
            "nonsense",
            r#"{"statusCode":"x"}"#,
            r#"{"statusCode":99}"#,
            r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
        ] {
            assert!(response(answer).is_none(), "{answer}");
        }
    }

    #[test]
    fn an_answer_without_a_status_is_the_body() {
        let response = response(r#"{"a":1}"#).expect("a response");
        assert_eq!((response.status, response.text().as_str()), (200, r#"{"a":1}"#));
    }
}
