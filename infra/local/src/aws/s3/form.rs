//! The forms by which people upload.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    time::{Duration, SystemTime},
};

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::Timestamp;
use futures_util::stream;
use http::HeaderMap;
use hyper::body::Bytes;
use multer::Multipart;
use serde::Deserialize;
use serde_json::{Value, json};

use super::place::Place;

/// The secret of each function's credentials on this machine.
pub(crate) const SECRET: &str = "local";

/// A form, as it was sent.
pub(crate) struct Form {
    fields: BTreeMap<String, String>,
    file: Bytes,
}

/// An object that a form uploads by the rights of a function.
pub(crate) struct Upload {
    pub(crate) function: String,
    pub(super) place: Place,
    pub(super) file: Bytes,
}

impl Upload {
    /// The request that puts the object.
    pub(crate) fn request(&self) -> Value {
        json!({"Bucket": self.place.bucket, "Key": self.place.key})
    }
}

/// What a form may be taken for.
#[derive(Deserialize)]
struct Policy {
    expiration: String,
    conditions: Vec<Value>,
}

/// The reason why S3 does not take a form.
pub(crate) struct FormError {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
}

const DENIED: FormError = FormError { status: 403, code: "AccessDenied" };
const MALFORMED: FormError = FormError { status: 400, code: "MalformedPOSTRequest" };
const NOT_SIGNED: FormError = FormError { status: 403, code: "SignatureDoesNotMatch" };
const TOO_SMALL: FormError = FormError { status: 400, code: "EntityTooSmall" };
const TOO_LARGE: FormError = FormError { status: 400, code: "EntityTooLarge" };

impl Form {
    /// Reads a form.
    pub(crate) async fn read(headers: &HeaderMap, body: Bytes) -> Result<Self, FormError> {
        Self::parse(headers, body).await.ok_or(MALFORMED)
    }

    async fn parse(headers: &HeaderMap, body: Bytes) -> Option<Self> {
        let boundary =
            multer::parse_boundary(headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?).ok()?;
        let mut parts = Multipart::new(stream::once(async { Ok::<_, Infallible>(body) }), boundary);
        let mut fields = BTreeMap::new();
        // What follows the file is ignored.
        while let Some(part) = parts.next_field().await.ok()? {
            let name = part.name()?.to_ascii_lowercase();
            if name == "file" {
                return Some(Self { fields, file: part.bytes().await.ok()? });
            }
            fields.insert(name, part.text().await.ok()?);
        }
        None
    }

    /// Checks the form as the policy says that a function has signed.
    pub(crate) fn check(mut self, bucket: &str, now: Timestamp) -> Result<Upload, FormError> {
        self.fields.insert("bucket".to_owned(), bucket.to_owned());
        let function = self.signer().ok_or(NOT_SIGNED)?;
        let policy = STANDARD.decode(self.field("policy")).ok();
        let policy: Policy =
            policy.and_then(|policy| serde_json::from_slice(&policy).ok()).ok_or(MALFORMED)?;
        let expires_at: Timestamp = policy.expiration.parse().map_err(|_| MALFORMED)?;
        if expires_at <= now {
            return Err(DENIED);
        }
        for condition in &policy.conditions {
            self.meet(condition)?;
        }
        let is_named = |name: &&String| policy.conditions.iter().any(|condition| condition[name].is_string());
        if !self
            .fields
            .keys()
            .filter(|name| !matches!(name.as_str(), "policy" | "x-amz-signature"))
            .all(|name| is_named(&name))
        {
            return Err(DENIED);
        }
        let place = Place { bucket: bucket.to_owned(), key: self.field("key").to_owned() };
        Ok(Upload { function, place, file: self.file })
    }

    /// The function whose credentials have signed the policy.
    fn signer(&self) -> Option<String> {
        let mut scope = self.field("x-amz-credential").split('/');
        let (function, day, region) = (scope.next()?, scope.next()?, scope.next()?);
        let day: Timestamp =
            format!("{}-{}-{}T00:00:00Z", day.get(..4)?, day.get(4..6)?, day.get(6..)?).parse().ok()?;
        let day = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(day.seconds()).ok()?);
        let key = generate_signing_key(SECRET, day, region, "s3");
        let signature = calculate_signature(key, self.field("policy").as_bytes());
        (signature == self.field("x-amz-signature")).then(|| function.to_owned())
    }

    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }

    fn meet(&self, condition: &Value) -> Result<(), FormError> {
        if let Some(equal) = condition.as_object() {
            let is_met = equal.iter().all(|(name, value)| value == self.field(name));
            return if is_met { Ok(()) } else { Err(DENIED) };
        }
        let [Value::String(kind), least, most] = condition.as_array().map(Vec::as_slice).unwrap_or_default()
        else {
            return Err(MALFORMED);
        };
        let (Some(least), Some(most), "content-length-range") =
            (least.as_u64(), most.as_u64(), kind.as_str())
        else {
            return Err(MALFORMED);
        };
        match self.file.len() as u64 {
            length if length < least => Err(TOO_SMALL),
            length if length > most => Err(TOO_LARGE),
            _ => Ok(()),
        }
    }
}
