//! What API Gateway sends and takes: HTTP API, payload format 2.0. Only what is used is read, so
//! that the rest costs nothing.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

/// A request, as API Gateway hands it to a function.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayEvent {
    /// The path, percent-encoded as it was sent.
    pub raw_path: String,
    /// Names in lower case; repeated headers are joined by commas.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What follows the `?`, as it was sent.
    #[serde(default)]
    pub raw_query_string: Option<String>,
    /// What stands in the places of the route's `{parameters}`, decoded; some gateways say `null` for none.
    #[serde(default)]
    pub path_parameters: Option<BTreeMap<String, String>>,
    /// The body; base64 if `is_base64_encoded`.
    #[serde(default)]
    pub body: Option<String>,
    /// Whether `body` is base64.
    #[serde(default)]
    pub is_base64_encoded: bool,
    /// What the gateway itself knows of the request.
    pub request_context: RequestContext,
}

/// What the gateway itself knows: unlike a header, nobody else can write it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestContext {
    /// The request line and where it came from.
    pub http: HttpContext,
    /// The gateway's id of the request.
    #[serde(default)]
    pub request_id: String,
}

/// The request line and where it came from.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpContext {
    /// `GET`, `POST`…
    pub method: String,
    /// The address of the peer.
    #[serde(default)]
    pub source_ip: Option<String>,
}

/// An answer, as API Gateway takes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayAnswer {
    /// The HTTP status.
    pub status_code: u16,
    /// Names in lower case.
    pub headers: BTreeMap<Cow<'static, str>, String>,
    /// Always empty; API Gateway takes it left out, `cargo lambda watch` does not.
    pub cookies: [String; 0],
    /// The body; Base64 if `is_base64_encoded`.
    pub body: String,
    /// Whether the body is octets.
    pub is_base64_encoded: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_may_be_left_out_or_null() {
        let context = r#""requestContext": {"http": {"method": "GET"}}"#;
        let nulls = r#""rawQueryString": null, "pathParameters": null, "body": null,"#;
        for absent in ["", nulls] {
            let event = format!(r#"{{"rawPath": "/", {absent} {context}}}"#);
            let event: GatewayEvent = serde_json::from_str(&event).expect("an event");
            assert!(event.path_parameters.is_none() && event.raw_query_string.is_none());
        }
    }
}
