//! Forms that people upload by.

use std::collections::BTreeMap;

use local::Request;
use serde_json::Value;

/// A picture: one red pixel, as a PNG.
pub const PNG: &[u8] = &[
    137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0, 144,
    119, 83, 222, 0, 0, 0, 12, 73, 68, 65, 84, 120, 218, 99, 248, 207, 192, 0, 0, 3, 1, 1, 0, 247, 3, 65, 67,
    0, 0, 0, 0, 73, 69, 78, 68, 174, 66, 96, 130,
];

const BOUNDARY: &str = "between-the-parts";

/// A form, as it was signed.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it is to be posted.
    pub url: String,
    /// Its fields.
    pub fields: BTreeMap<String, String>,
}

impl Form {
    /// The form in an answer.
    #[must_use]
    pub fn of(answer: &Value) -> Self {
        let url = answer["url"].as_str().expect("a URL").to_owned();
        Self { url, fields: serde_json::from_value(answer["fields"].clone()).expect("fields") }
    }

    /// The same, with another value of a field.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The request that posts it with a file, as a browser does.
    #[must_use]
    pub fn with_file(&self, octets: &[u8]) -> Request {
        let (content_type, body) = self.filled_in(octets);
        Request::new("POST", &self.url).body(body).header("content-type", &content_type)
    }

    /// Media type and body of that request.
    #[must_use]
    pub fn filled_in(&self, octets: &[u8]) -> (String, Vec<u8>) {
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"");
            body.extend(format!("{head}\r\n\r\n{value}\r\n").into_bytes());
        }
        let head = "Content-Disposition: form-data; name=\"file\"; filename=\"me\"";
        body.extend(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").into_bytes());
        body.extend(octets);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        (format!("multipart/form-data; boundary={BOUNDARY}"), body)
    }
}
