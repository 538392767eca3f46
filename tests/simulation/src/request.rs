//! Requests as API Gateway hands them to functions.

use serde_json::{Value, json};

/// An event of API Gateway for a function.
pub(crate) struct Request(pub(crate) Value);

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self(json!({
            "version": "2.0",
            "rawPath": path,
            "headers": {},
            "requestContext": {"http": {"method": method, "sourceIp": "203.0.113.7"}, "requestId": "request"},
            "isBase64Encoded": false,
        }))
    }

    /// A request of an administrator to change a user.
    pub(crate) fn to_user(method: &str, id: &str, what: &str) -> Self {
        Self::new(method, &format!("/v1/users/{id}{what}")).parameter("id", id)
    }

    pub(crate) fn changes(&self) -> bool {
        self.0["requestContext"]["http"]["method"] != "GET"
    }

    pub(crate) fn with_key(mut self, key: &str) -> Self {
        if self.changes() {
            self.0["headers"]["idempotency-key"] = key.into();
        }
        self
    }

    pub(crate) fn query(mut self, query: &str) -> Self {
        self.0["rawQueryString"] = query.into();
        self
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.0["headers"]["content-type"] = "application/json".into();
        self.0["body"] = body.to_string().into();
        self
    }

    pub(crate) fn parameter(mut self, name: &str, value: &str) -> Self {
        self.0["pathParameters"][name] = value.into();
        self
    }

    pub(crate) fn bearer(mut self, token: &str) -> Self {
        self.0["headers"]["authorization"] = format!("Bearer {token}").into();
        self
    }
}
