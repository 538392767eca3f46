//! Responses. The status is part of the type.

use std::{borrow::Cow, collections::BTreeMap};

use lambda_http::{
    Body,
    aws_lambda_events::apigw::ApiGatewayV2httpResponse,
    http::{HeaderName, HeaderValue, Response, StatusCode, header::SET_COOKIE},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ResponseSpec;

/// The response of a use case.
pub trait Answer: Send + Sync {
    /// The HTTP status.
    const STATUS: u16;

    /// Returns status, headers and body.
    fn reply(&self) -> Reply;

    /// Describes the response for the contract.
    fn describe(spec: &mut ResponseSpec<'_>);
}

/// Status, headers and body, in the form of stored responses.
#[derive(Deserialize, Serialize)]
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<Cow<'static, str>, String>,
    /// Text in every stored response: only pictures are binary, and they are never stored.
    pub(crate) body: Body,
}

/// Status 200.
pub struct Json<T>(pub T);
/// Status 200 with the version of the resource as `etag`, for `If-Match`.
pub struct WithEtag<T> {
    /// The resource.
    pub content: T,
    /// The version.
    pub version: u64,
}
/// Status 201.
pub struct Created<T>(pub T);
/// Status 201, and perhaps a cookie.
pub struct CreatedWithCookie<T> {
    /// The resource.
    pub content: T,
    /// The value of `set-cookie`.
    pub cookie: Option<String>,
}
/// Status 201 with the path of the new resource as `location`, and its version as `etag`.
pub struct CreatedAt<T> {
    /// The resource.
    pub content: T,
    /// The version.
    pub version: u64,
    /// The path.
    pub place: String,
}
/// Status 202.
pub struct Accepted<T>(pub T);
/// Status 204.
pub struct NoContent;
/// Status 204 with the methods of a resource, for `OPTIONS`.
pub struct Allowed(pub String);
/// Status 200 for all callers: the only response that may be cached.
pub struct Public<T> {
    /// The public content.
    pub content: T,
    /// The lifetime in caches, in seconds.
    pub max_age: u32,
}

/// Status 200 for all callers, with a text that changes only with a release.
pub struct Published {
    media_type: &'static str,
    policy: Option<&'static str>,
    text: Cow<'static, str>,
}

/// Status 200 for all callers, with a JPEG that never changes.
pub struct Picture(pub Vec<u8>);

/// The headers of every response. API Gateway adds those of CORS, which depend on the origin.
const OF_ALL: [(&str, &str); 3] =
    [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("vary", "origin")];
/// One year, without subdomains: those of the issuer's domain may not belong to Gatepost.
const TRANSPORT_POLICY: &str = "max-age=31536000";
/// In seconds. A removed picture can stay in caches for this long.
const PICTURE_MAX_AGE: u32 = 24 * 60 * 60;
/// In seconds. A release may change the content.
const PUBLISHED_MAX_AGE: u32 = 300;
/// Pages are self-contained and load nothing.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
/// The policy of a page with scripts: everything comes from this deployment, and no text becomes markup.
const APPLICATION_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

impl Published {
    /// Creates a JSON response.
    #[must_use]
    pub const fn json(text: &'static str) -> Self {
        Self { media_type: "application/json", policy: None, text: Cow::Borrowed(text) }
    }

    /// Creates an HTML response.
    #[must_use]
    pub const fn html(text: String) -> Self {
        Self { media_type: HTML, policy: Some(PAGE_POLICY), text: Cow::Owned(text) }
    }

    /// Creates a page with scripts and styles of this deployment, which calls its API.
    #[must_use]
    pub const fn page(text: &'static str) -> Self {
        Self { media_type: HTML, policy: Some(APPLICATION_POLICY), text: Cow::Borrowed(text) }
    }

    /// Creates a script of a page.
    #[must_use]
    pub const fn script(text: &'static str) -> Self {
        Self { media_type: "text/javascript; charset=utf-8", policy: None, text: Cow::Borrowed(text) }
    }

    /// Creates a style sheet of a page.
    #[must_use]
    pub const fn style(text: &'static str) -> Self {
        Self { media_type: "text/css; charset=utf-8", policy: None, text: Cow::Borrowed(text) }
    }
}

impl Reply {
    pub(crate) fn json(status: u16, content: &impl Serialize) -> Self {
        // Serialization fails only for map keys that are not strings, or for a failing `Serialize`. Responses
        // have neither.
        let body = serde_json::to_string(content).unwrap_or_default();
        let headers = [("content-type", "application/json"), ("cache-control", "no-store")];
        Self {
            status,
            headers: headers.map(|(name, value)| (name.into(), value.to_owned())).into(),
            body: body.into(),
        }
    }

    /// Removes the body, for `HEAD`.
    pub(crate) fn without_body(self) -> Self {
        Self { body: Body::Empty, ..self }
    }

    /// Adds the headers of every response of the deployment with this `issuer`.
    pub(crate) fn into_response(mut self, issuer: &str, correlation_id: &str) -> Response<Body> {
        self.headers.insert("x-correlation-id".into(), correlation_id.to_owned());
        self.headers.extend(OF_ALL.map(|(name, value)| (name.into(), value.to_owned())));
        if issuer.starts_with("https://") {
            self.headers.insert("strict-transport-security".into(), TRANSPORT_POLICY.to_owned());
        }
        let mut response = Response::new(self.body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Stored responses have headers as text. Headers that HTTP does not allow are left out.
        let headers = self.headers.iter().filter_map(|(name, value)| {
            Some((HeaderName::try_from(&**name).ok()?, HeaderValue::try_from(value).ok()?))
        });
        response.headers_mut().extend(headers);
        response
    }
}

/// Converts a response to the format of API Gateway. `lambda_http` converts only within its own loop.
pub(crate) fn into_event(response: Response<Body>) -> ApiGatewayV2httpResponse {
    let (mut parts, body) = response.into_parts();
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = parts.status.as_u16().into();
    let cookies = parts.headers.remove(SET_COOKIE);
    answer.cookies = cookies.and_then(|cookie| cookie.to_str().ok().map(str::to_owned)).into_iter().collect();
    answer.headers = parts.headers;
    answer.is_base64_encoded = matches!(body, Body::Binary(_));
    answer.body = (body != Body::Empty).then_some(body);
    answer
}

impl<T: JsonSchema + Serialize + Send + Sync> Answer for Json<T> {
    const STATUS: u16 = 200;

    fn reply(&self) -> Reply {
        Reply::json(Self::STATUS, &self.0)
    }

    fn describe(spec: &mut ResponseSpec<'_>) {
        spec.json::<T>();
    }
}

impl<T: JsonSchema + Serialize + Send + Sync> Answer for WithEtag<T> {
    const STATUS: u16 = 200;

    fn reply(&self) -> Reply {
        let mut reply = Reply::json(Self::STATUS, &self.content);
        reply.headers.insert("etag".into(), format!("\"{}\"", self.version));
        reply
    }

    fn describe(spec: &mut ResponseSpec<'_>) {
        spec.json::<T>();
        spec.versioned();
    }
}

impl<T: JsonSchema + Serialize + Send + Sync> Answer for Created<T> {
    const STATUS: u16 = 201;

    fn reply(&self) -> Reply {
        Reply::json(Self::STATUS, &self.0)
    }

    fn describe(spec: &mut ResponseSpec<'_>) {
        spec.json::<T>();
    }
}

impl<T: JsonSchema + Serialize + Send + Sync> Answer for CreatedWithCookie<T> {
    const STATUS: u16 = 201;

    fn reply(&self) -> Reply {
        let mut reply = Reply::json(Self::STATUS, &self.content);
        reply.headers.extend(self.cookie.clone().map(|cookie| ("set-cookie".into(), cookie)));
        reply
    }

    fn describe(spec: &mut ResponseSpec<'_>) {
        spec.json::<T>();
    }
}

impl<T: JsonSchema + Serialize + Send + Sync> Answer for CreatedAt<T> {
    const STATUS: u16 = 201;

    fn reply(&self) -> Reply {
        let mut reply = Reply::json(Self::STATUS, &self.content);
        reply.headers.insert("location".into(), self.place.clone());
        reply.headers.insert("etag".into(), format!("\"{}\"", self.version));
        reply
    }

    fn describe(spec: &mut ResponseSpec<'_>) {
        spec.json::<T>();
        spec.placed();
    }
}

impl<T: JsonSchema + Serialize + Send + Sync> Answer for Accepted<T> {
    const STATUS: u16 = 202;

    fn reply(&self) -> Reply {
        Reply::json(Self::STATUS, &self.0)
    }

    fn describe(spec: &mut ResponseSpec<'_>) {
        spec.json::<T>();
    }
}

impl Answer for NoContent {
    const STATUS: u16 = 204;

    fn reply(&self) -> Reply {
        let headers = [("cache-control".into(), "no-store".to_owned())].into();
        Reply { status: Self::STATUS, headers, body: Body::from("") }
    }

    fn describe(_: &mut ResponseSpec<'_>) {}
}

impl Answer for Allowed {
    const STATUS: u16 = 204;

    fn reply(&self) -> Reply {
        let mut reply = NoContent.reply();
        reply.headers.insert("allow".into(), self.0.clone());
        reply
    }

    fn describe(_: &mut ResponseSpec<'_>) {}
}

impl<T: JsonSchema + Serialize + Send + Sync> Answer for Public<T> {
    const STATUS: u16 = 200;

    fn reply(&self) -> Reply {
        let mut reply = Reply::json(Self::STATUS, &self.content);
        reply.headers.insert("cache-control".into(), format!("public, max-age={}", self.max_age));
        reply
    }

    fn describe(spec: &mut ResponseSpec<'_>) {
        spec.json::<T>();
        spec.cacheable();
    }
}

impl Answer for Published {
    const STATUS: u16 = 200;

    fn reply(&self) -> Reply {
        let cache = format!("public, max-age={PUBLISHED_MAX_AGE}");
        let mut headers: BTreeMap<_, _> =
            [("content-type".into(), self.media_type.to_owned()), ("cache-control".into(), cache)].into();
        headers.extend(self.policy.map(|policy| ("content-security-policy".into(), policy.to_owned())));
        Reply { status: Self::STATUS, headers, body: Body::from(&*self.text) }
    }

    fn describe(spec: &mut ResponseSpec<'_>) {
        spec.media(&["application/json", "text/css", "text/html", "text/javascript"]);
        spec.cacheable();
    }
}

impl Answer for Picture {
    const STATUS: u16 = 200;

    fn reply(&self) -> Reply {
        let cache = format!("public, max-age={PICTURE_MAX_AGE}");
        let headers =
            [("content-type".into(), "image/jpeg".to_owned()), ("cache-control".into(), cache)].into();
        Reply { status: Self::STATUS, headers, body: Body::from(&*self.0) }
    }

    fn describe(spec: &mut ResponseSpec<'_>) {
        spec.media(&["image/jpeg"]);
        spec.cacheable();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answered(reply: Reply) -> Value {
        serde_json::to_value(into_event(reply.into_response("https://a.test", "correlation"))).expect("JSON")
    }

    #[test]
    fn a_response_has_every_member_that_gateways_require() {
        let answer = answered(Reply::json(201, &json!({"a": 1})));
        assert_eq!(answer["statusCode"], 201);
        assert_eq!(answer["body"], r#"{"a":1}"#);
        assert_eq!(answer["isBase64Encoded"], false);
        assert_eq!(answer["headers"]["content-type"], "application/json");
        assert_eq!(answer["headers"]["x-correlation-id"], "correlation");
        // `cargo lambda watch` refuses a response without cookies.
        assert_eq!((&answer["cookies"], &answer["multiValueHeaders"]), (&json!([]), &json!({})));
        assert_eq!(answered(NoContent.reply())["body"], "");
        assert_eq!(answered(Reply::json(200, &1).without_body()).get("body"), None);
    }

    #[test]
    fn a_picture_is_returned_in_base64() {
        let answer = answered(Picture(vec![0xff, 0xd8]).reply());
        assert_eq!((&answer["body"], &answer["isBase64Encoded"]), (&json!("/9g="), &json!(true)));
        let without_body = answered(Picture(vec![0xff]).reply().without_body());
        assert_eq!(without_body["isBase64Encoded"], false);
    }

    #[test]
    fn a_header_that_http_does_not_allow_is_left_out() {
        let mut reply = NoContent.reply();
        reply.headers.insert("location".into(), "a\nb".to_owned());
        assert_eq!(answered(reply)["headers"].get("location"), None);
    }

    #[test]
    fn a_response_stored_by_an_earlier_release_is_read() {
        let kept = r#"{"status":200,"headers":{"a":"b"},"body":"{}","is_base64":false}"#;
        let reply: Reply = serde_json::from_str(kept).expect("a reply");
        assert_eq!(reply.body, Body::from("{}"));
        let kept = serde_json::to_value(&reply).expect("JSON");
        assert_eq!(kept, json!({"status": 200, "headers": {"a": "b"}, "body": "{}"}));
        let empty = serde_json::to_string(&NoContent.reply()).expect("JSON");
        assert!(serde_json::from_str::<Reply>(&empty).is_ok());
    }
}
