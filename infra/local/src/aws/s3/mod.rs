//! S3, as far as people upload by signed forms, and functions read and delete what they have sent. What it
//! holds is gone with the process: a function takes it within minutes, or nobody does.

mod form;
mod place;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use hyper::body::Bytes;
use serde_json::{Value, json};

pub(crate) use self::form::{Form, FormError, SECRET, Upload};
use self::place::Place;
use super::answer::Answer;

/// Where buckets are, on this machine.
pub(crate) const PATH: &str = "/_local/s3";

/// What was uploaded, by bucket and key.
pub(crate) struct Uploads {
    /// Where S3 is, for whoever signs forms.
    pub(crate) endpoint: String,
    objects: Mutex<BTreeMap<Place, Bytes>>,
}

/// The operation that a request of S3 is for, and what it is about.
pub(crate) fn operation(request: &HttpRequest) -> Option<(&'static str, Value)> {
    let (bucket, key) = request.uri().split_once(PATH)?.1.trim_start_matches('/').split_once('/')?;
    let operation = match request.method() {
        "GET" => "GetObject",
        "DELETE" => "DeleteObject",
        _ => return None,
    };
    Some((operation, json!({"Bucket": bucket, "Key": key})))
}

impl Uploads {
    pub(crate) fn at(url: &str) -> Self {
        Self { endpoint: format!("{url}{PATH}"), objects: Mutex::default() }
    }

    /// Answers a function.
    pub(crate) fn answer(&self, operation: &str, body: &[u8]) -> Answer {
        let Ok(place) = serde_json::from_slice::<Place>(body) else {
            return Answer::refusal(400, "InvalidRequest", "The request cannot be read.");
        };
        let object = match operation {
            "GetObject" => self.objects().get(&place).cloned(),
            _ => Some(self.objects().remove(&place).map(|_| Bytes::new()).unwrap_or_default()),
        };
        match object {
            Some(object) => Answer { status: 200, body: object.to_vec() },
            None => Answer { status: 404, body: error("NoSuchKey").into_bytes() },
        }
    }

    /// The keys of what is there.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.objects().keys().map(|place| place.key.clone()).collect()
    }

    /// Keeps what a form has uploaded.
    pub(crate) fn put(&self, upload: Upload) {
        self.objects().insert(upload.place, upload.file);
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<Place, Bytes>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of an error.
pub(crate) fn error(code: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code></Error>")
}
