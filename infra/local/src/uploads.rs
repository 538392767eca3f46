//! S3, as far as people upload by signed forms, and functions read and delete what they have sent. What it
//! holds is gone with the process: a function takes it within minutes, or nobody does.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::Timestamp;
use futures_util::stream;
use hyper::body::Bytes;
use multer::Multipart;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    calls::{Call, Made},
    gateway::{Request, Response},
    seam::Answer,
    stack::Stack,
    touches,
};

/// Where buckets are, on this machine.
pub(crate) const PATH: &str = "/_local/s3";
/// Whoever knows it is a function of this process.
pub(crate) const SECRET: &str = "local";

/// What was uploaded, by bucket and key.
pub(crate) struct Uploads {
    /// Where S3 is, for whoever signs forms.
    pub(crate) endpoint: String,
    objects: Mutex<BTreeMap<Place, Bytes>>,
}

/// Where something is.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Place {
    bucket: String,
    key: String,
}

/// A form, as it was sent.
struct Form {
    fields: BTreeMap<String, String>,
    file: Bytes,
}

/// What a form may be taken for.
#[derive(Deserialize)]
struct Policy {
    expiration: String,
    conditions: Vec<Value>,
}

/// Why a form is not taken: an error code of S3 and its status.
type NotTaken = (u16, &'static str);

const DENIED: NotTaken = (403, "AccessDenied");
const MALFORMED: NotTaken = (400, "MalformedPOSTRequest");

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

    fn objects(&self) -> MutexGuard<'_, BTreeMap<Place, Bytes>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a form, if it is as the function that signed it wants it to be.
pub(crate) async fn post(stack: &Stack, request: &Request, bucket: &str) -> Response {
    let taken = match form(request).await {
        Some(form) => take(stack, bucket, form),
        None => Err(MALFORMED),
    };
    match taken {
        Ok(()) => Response::new(204, "application/xml", ""),
        Err((status, code)) => Response::new(status, "application/xml", error(code)),
    }
}

async fn form(request: &Request) -> Option<Form> {
    let boundary =
        multer::parse_boundary(request.headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?).ok()?;
    let body = request.body.clone();
    let mut parts = Multipart::new(stream::once(async { Ok::<_, Infallible>(body) }), boundary);
    let mut fields = BTreeMap::new();
    // What follows the file is ignored.
    while let Some(part) = parts.next_field().await.ok()? {
        let name = part.name()?.to_ascii_lowercase();
        if name == "file" {
            return Some(Form { fields, file: part.bytes().await.ok()? });
        }
        fields.insert(name, part.text().await.ok()?);
    }
    None
}

fn take(stack: &Stack, bucket: &str, mut form: Form) -> Result<(), NotTaken> {
    form.fields.insert("bucket".to_owned(), bucket.to_owned());
    let function = signer(&form).ok_or((403, "SignatureDoesNotMatch"))?;
    let policy = STANDARD.decode(form.field("policy")).ok();
    let policy: Policy = policy.and_then(|policy| serde_json::from_slice(&policy).ok()).ok_or(MALFORMED)?;
    let expires_at: Timestamp = policy.expiration.parse().map_err(|_| MALFORMED)?;
    if expires_at <= stack.clock().now() {
        return Err(DENIED);
    }
    for condition in &policy.conditions {
        form.meet(condition)?;
    }
    let is_named = |name: &&String| policy.conditions.iter().any(|condition| condition[name].is_string());
    if !form
        .fields
        .keys()
        .filter(|name| !matches!(name.as_str(), "policy" | "x-amz-signature"))
        .all(|name| is_named(&name))
    {
        return Err(DENIED);
    }
    let place = Place { bucket: bucket.to_owned(), key: form.field("key").to_owned() };
    record(stack, function, &place);
    stack.services().uploads.objects().insert(place, form.file);
    Ok(())
}

/// The function whose credentials have signed the policy.
fn signer(form: &Form) -> Option<String> {
    let mut scope = form.field("x-amz-credential").split('/');
    let (function, day, region) = (scope.next()?, scope.next()?, scope.next()?);
    let day: Timestamp =
        format!("{}-{}-{}T00:00:00Z", day.get(..4)?, day.get(4..6)?, day.get(6..)?).parse().ok()?;
    let day = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(day.seconds()).ok()?);
    let key = generate_signing_key(SECRET, day, region, "s3");
    let signature = calculate_signature(key, form.field("policy").as_bytes());
    (signature == form.field("x-amz-signature")).then(|| function.to_owned())
}

/// It is the function's right that lets somebody upload.
fn record(stack: &Stack, function: String, place: &Place) {
    let services = stack.services();
    let request = json!({"Bucket": place.bucket, "Key": place.key});
    let touches = touches::of("s3", "PutObject", &request, &services.template);
    let call = Call { function, service: "s3", operation: "PutObject".to_owned(), touches, request };
    let span = (services.watch.tick(), services.watch.tick());
    services.watch.record(Made {
        call,
        status: Some(204),
        request_bytes: 0,
        response_bytes: 0,
        capacity: Vec::new(),
        span,
    });
}

impl Form {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }

    fn meet(&self, condition: &Value) -> Result<(), NotTaken> {
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
            length if length < least => Err((400, "EntityTooSmall")),
            length if length > most => Err((400, "EntityTooLarge")),
            _ => Ok(()),
        }
    }
}

fn error(code: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code></Error>")
}
