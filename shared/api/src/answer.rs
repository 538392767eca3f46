//! Answers: the status is part of the type.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::GatewayAnswer;

/// What a use case answers with.
pub trait Answer: Send {
    /// Status, headers and body.
    fn into_reply(self) -> Reply;
}

/// A status, headers and a body: the one thing that is made into what the gateway takes.
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<&'static str, String>,
    pub(crate) body: String,
}

/// `200 OK`
pub struct Shown<T>(pub T);
/// `201 Created`
pub struct Created<T>(pub T);
/// `202 Accepted`
pub struct Accepted<T>(pub T);
/// `204 No Content`
pub struct NoContent;
/// `200 OK` for everybody: the one answer that may be cached.
pub struct Public<T> {
    /// What everybody may see.
    pub content: T,
    /// For how long it may be kept, in seconds.
    pub max_age: u32,
}

impl Reply {
    pub(crate) fn json(status: u16, content: &impl Serialize) -> Self {
        // Fails only for a map key that is no string or a failing `Serialize`: answers have neither.
        let body = serde_json::to_string(content).unwrap_or_default();
        let headers = [("content-type", "application/json"), ("cache-control", "no-store")];
        Self { status, headers: headers.map(|(name, value)| (name, value.to_owned())).into(), body }
    }

    pub(crate) fn into_gateway(mut self, correlation_id: String) -> GatewayAnswer {
        self.headers.insert("x-correlation-id", correlation_id);
        self.headers.insert("x-content-type-options", "nosniff".to_owned());
        GatewayAnswer {
            cookies: [],
            status_code: self.status,
            headers: self.headers,
            body: self.body,
            is_base64_encoded: false,
        }
    }
}

impl<T: Serialize + Send> Answer for Shown<T> {
    fn into_reply(self) -> Reply {
        Reply::json(200, &self.0)
    }
}

impl<T: Serialize + Send> Answer for Created<T> {
    fn into_reply(self) -> Reply {
        Reply::json(201, &self.0)
    }
}

impl<T: Serialize + Send> Answer for Accepted<T> {
    fn into_reply(self) -> Reply {
        Reply::json(202, &self.0)
    }
}

impl Answer for NoContent {
    fn into_reply(self) -> Reply {
        let headers = [("cache-control", "no-store".to_owned())].into();
        Reply { status: 204, headers, body: String::new() }
    }
}

impl<T: Serialize + Send> Answer for Public<T> {
    fn into_reply(self) -> Reply {
        let mut reply = Reply::json(200, &self.content);
        reply.headers.insert("cache-control", format!("public, max-age={}", self.max_age));
        reply
    }
}
