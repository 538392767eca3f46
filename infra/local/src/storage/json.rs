//! Requests and answers of the embedded database, as JSON.

use dynoxide::DynoxideError;
use serde::{Serialize, de::DeserializeOwned};

/// Reads a request.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        // Dynoxide marks what is well-formed and wrong.
        match text.strip_prefix("VALIDATION:") {
            Some(message) => {
                let message = message.split(" at line ").next().unwrap_or(message);
                DynoxideError::ValidationException(message.to_owned())
            }
            None => DynoxideError::SerializationException(text),
        }
    })
}

/// Writes an answer.
pub(crate) fn render(answer: &impl Serialize) -> Result<Vec<u8>, DynoxideError> {
    serde_json::to_vec(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
