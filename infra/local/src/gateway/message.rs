//! A request and its response, with their whole bodies.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use hyper::body::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

/// An HTTP request.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) target: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An HTTP response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// A request of this method, to a path and perhaps a query. What is no method is `GET`, what
    /// is no path is `/`.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.parse().unwrap_or_default(),
            target: target.parse().unwrap_or_default(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// `GET target`.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// `POST target`, with this as its JSON.
    #[must_use]
    pub fn post(target: &str, body: &impl Serialize) -> Self {
        Self::new("POST", target).json(body)
    }

    /// `DELETE target`.
    #[must_use]
    pub fn delete(target: &str) -> Self {
        Self::new("DELETE", target)
    }

    /// With this as its JSON.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Self {
        let text = serde_json::to_vec(body).unwrap_or_default();
        self.header("content-type", "application/json").body(text)
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// With one more header; what is no header is left out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            self.headers.append(name, value);
        }
        self
    }

    /// With an access token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn path(&self) -> &str {
        self.target.path()
    }
}

impl Response {
    /// The header's value; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// If it is none, or none of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self { status, headers, body: body.into() }
    }

    /// How API Gateway itself answers.
    pub(crate) fn message(status: u16, message: &str) -> Self {
        Self::new(status, "application/json", json!({"message": message}).to_string())
    }
}
