//! What keeps something: tables, secrets, queues, and the rules that fill queues.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    error::TemplateError,
    model::{GeneratedSecret, QueueResource, Rule, Table},
    names::id_of,
    pattern::Pattern,
};

pub(super) const TABLE_WITHOUT_EFFECT: &[&str] = &["DeletionProtectionEnabled", "SSESpecification", "Tags"];

pub(super) fn table(id: &str, mut create: Map<String, Value>) -> Result<Table, TemplateError> {
    // What CreateTable does not take.
    let backups = create.remove("PointInTimeRecoverySpecification").unwrap_or_default();
    let expiry = create.remove("TimeToLiveSpecification");
    let expiry = expiry
        .filter(|ttl| ttl["Enabled"] == true)
        .and_then(|ttl| Some(ttl["AttributeName"].as_str()?.to_owned()));
    create.insert("TableName".to_owned(), Value::String(id.to_owned()));
    if let Some(stream) = create.get_mut("StreamSpecification").and_then(Value::as_object_mut) {
        stream.insert("StreamEnabled".to_owned(), Value::Bool(true));
    }
    let create = Value::Object(create);
    let mut partition_keys = BTreeMap::from([(None, hash_key(&create)?)]);
    for kind in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        for index in create[kind].as_array().into_iter().flatten() {
            partition_keys.insert(index["IndexName"].as_str().map(str::to_owned), hash_key(index)?);
        }
    }
    let recovers = backups["PointInTimeRecoveryEnabled"] == true;
    Ok(Table { partition_keys, create, expiry, recovers })
}

fn hash_key(of: &Value) -> Result<String, TemplateError> {
    let mut keys = of["KeySchema"].as_array().into_iter().flatten();
    let hash = keys.find(|key| key["KeyType"] == "HASH").and_then(|key| key["AttributeName"].as_str());
    hash.map(str::to_owned).ok_or_else(|| TemplateError::new("a KeySchema has no HASH key".to_owned()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct SecretProperties {
    generate_secret_string: GenerateSecretString,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct GenerateSecretString {
    secret_string_template: String,
    generate_string_key: String,
    password_length: usize,
    exclude_punctuation: bool,
}

pub(super) fn secret(properties: SecretProperties) -> Result<GeneratedSecret, TemplateError> {
    let generate = properties.generate_secret_string;
    if !generate.exclude_punctuation {
        return Err(TemplateError::new("secrets are made of letters and digits only".to_owned()));
    }
    let template = serde_json::from_str(&generate.secret_string_template)
        .map_err(|_| TemplateError::new("SecretStringTemplate is no JSON object".to_owned()))?;
    Ok(GeneratedSecret { template, key: generate.generate_string_key, length: generate.password_length })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct RuleProperties {
    event_bus_name: String,
    event_pattern: Value,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Target {
    arn: String,
    #[serde(rename = "Id")]
    _id: String,
    /// Locally a queue always takes what it is given.
    #[serde(rename = "DeadLetterConfig")]
    _dead_letters: Option<Value>,
}

pub(super) fn rule(id: &str, properties: &RuleProperties) -> Result<Rule, TemplateError> {
    Ok(Rule {
        id: id.to_owned(),
        bus: id_of(&properties.event_bus_name).to_owned(),
        pattern: Pattern::read(&properties.event_pattern)?,
        queues: properties.targets.iter().map(|target| id_of(&target.arn).to_owned()).collect(),
    })
}

/// Locally the only target of a custom bus is a classic one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct SubscriberProperties {
    event_bus_arn: String,
    invoke_configuration: Invocation,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Invocation {
    target_arn: String,
    #[serde(rename = "RoleArn")]
    _role: Value,
}

pub(super) fn subscriber(properties: &SubscriberProperties) -> (String, String) {
    let SubscriberProperties { event_bus_arn, invoke_configuration } = properties;
    (id_of(event_bus_arn).to_owned(), id_of(&invoke_configuration.target_arn).to_owned())
}

/// The sizes that a queue can limit its messages to, in bytes; the largest is the default:
/// `docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html`, "`MaximumMessageSize`".
pub(super) const MESSAGE_SIZES: RangeInclusive<usize> = 1024..=1_048_576;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct QueueProperties {
    #[serde(default = "thirty")]
    visibility_timeout: u64,
    maximum_message_size: Option<usize>,
    redrive_policy: Option<RedrivePolicy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
    max_receive_count: u32,
}

const fn thirty() -> u64 {
    30
}

pub(super) fn queue(properties: &QueueProperties) -> Result<QueueResource, TemplateError> {
    let dead_letters = properties.redrive_policy.as_ref();
    let max_message_bytes = properties.maximum_message_size.unwrap_or(*MESSAGE_SIZES.end());
    if !MESSAGE_SIZES.contains(&max_message_bytes) {
        return Err(TemplateError::new(format!(
            "MaximumMessageSize is {max_message_bytes}, and SQS takes {} to {} bytes",
            MESSAGE_SIZES.start(),
            MESSAGE_SIZES.end()
        )));
    }
    Ok(QueueResource {
        visibility_timeout: Duration::from_secs(properties.visibility_timeout),
        max_message_bytes,
        dead_letters: dead_letters
            .map(|to| (id_of(&to.dead_letter_target_arn).to_owned(), to.max_receive_count)),
    })
}
