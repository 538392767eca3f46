//! A second opinion on DynamoDB: each call is answered by the moto server at `GATEPOST_MOTO` as well.
//!
//! Functions then run on moto's answers. Each difference from the embedded database's answer is appended to the file
//! `GATEPOST_DIFFERENCES`; `tests/second-opinion/run` compares them with those that are explained.

use std::{
    collections::{BTreeMap, HashSet},
    fs::OpenOptions,
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use local::Setup;
use serde_json::{Value, json};
use ureq::Agent;

/// Lets moto answer if the environment names one. Functions are then patient: moto answers one call after the other.
#[expect(clippy::disallowed_methods, reason = "the environment names the moto server")]
#[must_use]
pub fn ask(setup: Setup) -> Setup {
    let (Ok(url), Ok(differences)) = (std::env::var("GATEPOST_MOTO"), std::env::var("GATEPOST_DIFFERENCES"))
    else {
        return setup;
    };
    let moto = Moto::new(url, &setup);
    let made = Mutex::new(HashSet::new());
    setup.patient().reviewed_by(move |operation, request, (status, answer)| {
        let (other_status, other_answer) = moto.call(operation, request);
        let ours = summary(status, answer);
        let theirs = summary(other_status, &other_answer);
        let request: Value = serde_json::from_slice(request).unwrap_or_default();
        let token = request["ClientRequestToken"].as_str();
        let mut made = made.lock().expect("no panic");
        let repeats_token = token.is_some_and(|token| made.contains(token));
        made.extend(token.filter(|_| status == 200).map(str::to_owned));
        drop(made);
        if ours != theirs {
            let difference = json!({
                "operation": operation,
                "repeats_token": repeats_token,
                "embedded": ours,
                "moto": theirs,
                "request": request,
            });
            let file = OpenOptions::new().create(true).append(true).open(&differences);
            // One write a line: tests of many processes append to the file.
            file.expect("a file").write_all(format!("{difference}\n").as_bytes()).expect("written");
        }
        (other_status, other_answer)
    })
}

struct Moto {
    agent: Agent,
    url: String,
    /// Each data folder, or stack in memory, has its own tables.
    account: String,
}

/// Returns the account of a stack: 12 digits, and the same ones for each stack of a data folder.
fn account(folder: Option<&Path>) -> String {
    static STACKS: AtomicU64 = AtomicU64::new(0);
    const FOLDERS: u64 = 900_000_000_000;
    let number = if let Some(folder) = folder {
        let mut hasher = DefaultHasher::new();
        folder.hash(&mut hasher);
        FOLDERS + hasher.finish() % 100_000_000_000
    } else {
        u64::from(std::process::id()) * 1_000_000 % FOLDERS + STACKS.fetch_add(1, Ordering::Relaxed)
    };
    format!("{number:012}")
}

impl Moto {
    fn new(url: String, setup: &Setup) -> Self {
        let folder = setup.data_folder();
        let agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
        let moto = Self { agent, url, account: account(folder) };
        for table in setup.template().expect("a template").tables.values() {
            let (status, answer) = moto.call("CreateTable", table.create.to_string().as_bytes());
            let is_kept = folder.is_some() && summary(status, &answer)["error"] == "ResourceInUseException";
            assert!(status == 200 || is_kept, "{}", String::from_utf8_lossy(&answer));
        }
        moto
    }

    fn call(&self, operation: &str, request: &[u8]) -> (u16, Vec<u8>) {
        let sent = self
            .agent
            .post(&self.url)
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-moto-account-id", &self.account)
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=x/20261128/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=x",
            )
            .send(request);
        let mut answer = sent.expect("moto answers");
        (answer.status().as_u16(), answer.body_mut().read_to_vec().expect("a body"))
    }
}

/// The part of an answer on which two implementations must agree: not the wording of an error, not consumed capacity.
fn summary(status: u16, answer: &[u8]) -> Value {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    if status == 200 {
        let members = ["Attributes", "Count", "Item", "Items", "LastEvaluatedKey", "Responses"];
        let present = members.into_iter().filter(|member| !answer[member].is_null());
        return present
            .map(|member| (member, sorted(&answer[member])))
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect();
    }
    let code = answer["__type"].as_str().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    let reasons = answer["CancellationReasons"].as_array().into_iter().flatten();
    json!({"error": code, "reasons": reasons.map(|reason| reason["Code"].clone()).collect::<Vec<_>>()})
}

/// Sets have no order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| match (name.as_str(), value) {
                ("SS" | "NS" | "BS", Value::Array(members)) => {
                    let mut members = members.clone();
                    members.sort_by_key(Value::to_string);
                    (name.clone(), Value::Array(members))
                }
                _ => (name.clone(), sorted(value)),
            });
            Value::Object(fields.collect())
        }
        Value::Array(values) => values.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
