//! The answers of the services.

use serde_json::{Value, json};

use super::cbor;
use crate::recorder::calls::Refusal;

/// What a service answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(body: &Value) -> Self {
        Self { status: 200, body: body.to_string().into_bytes() }
    }

    pub(super) fn in_cbor(self) -> Self {
        let json = serde_json::from_slice(&self.body).unwrap_or_default();
        Self { body: cbor::of_json(&json), ..self }
    }

    /// A transaction that was cancelled for these reasons, one for each write.
    pub(super) fn cancelled(request: &Value, reasons: &[&'static str]) -> Self {
        let writes = request["TransactItems"].as_array().map_or(0, Vec::len);
        let reasons: Vec<_> = (0..writes)
            .map(|write| json!({"Code": reasons.get(write).unwrap_or(&"None"), "Message": "A test wants it so."}))
            .collect();
        let body = json!({
            "__type": "TransactionCanceledException",
            "message": "A test wants it so.",
            "CancellationReasons": reasons,
        });
        Self { status: 400, body: body.to_string().into_bytes() }
    }

    pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Self {
        Self { status, body: json!({"__type": code, "message": message}).to_string().into_bytes() }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::refusal(refusal.status, refusal.code, "A test wants it so.")
    }
}
