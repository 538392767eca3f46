//! Which rights a call needs, and what it consumed: read from requests and answers.

use serde_json::Value;

use super::calls::{Call, Touch};
use crate::template::{Template, id_of};

pub(crate) fn of(service: &str, operation: &str, request: &Value, template: &Template) -> Vec<Touch> {
    let plain = |action: &str, resource: &Value| {
        let resource = id_of(resource.as_str().unwrap_or("default")).to_owned();
        Touch { action: action.to_owned(), resource, index: None, partition_key: None }
    };
    let items = |field: &str| request[field].as_array().into_iter().flatten();
    match (service, operation) {
        ("events", _) if request["EventBusArn"].is_string() => {
            vec![plain("events:PutEvents", &request["EventBusArn"])]
        }
        ("events", _) => {
            items("Entries").map(|entry| plain("events:PutEvents", &entry["EventBusName"])).collect()
        }
        ("secretsmanager", operation) => {
            vec![plain(&format!("secretsmanager:{operation}"), &request["SecretId"])]
        }
        // No service of AWS: nothing is needed.
        ("breaches", _) => Vec::new(),
        // Who may not list a bucket is not told that something is not in it.
        ("s3", "GetObject") => {
            ["s3:GetObject", "s3:ListBucket"].map(|action| plain(action, &request["Bucket"])).into()
        }
        ("s3", operation) => vec![plain(&format!("s3:{operation}"), &request["Bucket"])],
        ("ses", _) => vec![plain("ses:SendEmail", &request["FromEmailAddress"])],
        ("dynamodb", "TransactWriteItems" | "TransactGetItems") => {
            let parts = items("TransactItems").filter_map(Value::as_object).flatten();
            parts.filter(|(_, part)| !part.is_null()).map(|(kind, part)| item(kind, part, template)).collect()
        }
        ("dynamodb", "BatchGetItem" | "BatchWriteItem") => batch(operation, request, template),
        ("dynamodb", "Query") => vec![query(request, template)],
        ("dynamodb", _) => vec![item(operation, request, template)],
        _ => vec![plain(&format!("dynamodb:{operation}"), &request["StreamArn"])],
    }
}

/// One item of one table; `kind` is an operation, or a part of a transaction.
fn item(kind: &str, part: &Value, template: &Template) -> Touch {
    let action = match kind {
        "Put" => "PutItem",
        "Update" => "UpdateItem",
        "Delete" => "DeleteItem",
        "Get" => "GetItem",
        "ConditionCheck" => "ConditionCheckItem",
        operation => operation,
    };
    let table = id_of(part["TableName"].as_str().unwrap_or_default());
    let key = if part["Item"].is_object() { &part["Item"] } else { &part["Key"] };
    touch(action, table, None, key, template)
}

fn touch(action: &str, table: &str, index: Option<String>, key: &Value, template: &Template) -> Touch {
    let attribute = template.tables.get(table).and_then(|table| table.partition_keys.get(&index));
    let partition_key = attribute.and_then(|attribute| plain_text(&key[attribute]));
    Touch { action: format!("dynamodb:{action}"), resource: table.to_owned(), index, partition_key }
}

fn batch(operation: &str, request: &Value, template: &Template) -> Vec<Touch> {
    let tables = request["RequestItems"].as_object().into_iter().flatten();
    let touches = tables.flat_map(|(table, asked)| {
        let asked = asked.as_array().or_else(|| asked["Keys"].as_array()).into_iter().flatten();
        asked.map(move |item| {
            let put = &item["PutRequest"]["Item"];
            let delete = &item["DeleteRequest"]["Key"];
            let key = [put, delete].into_iter().find(|key| key.is_object()).unwrap_or(item);
            touch(operation, id_of(table), None, key, template)
        })
    });
    touches.collect()
}

fn query(request: &Value, template: &Template) -> Touch {
    let table = id_of(request["TableName"].as_str().unwrap_or_default());
    let index = request["IndexName"].as_str().map(str::to_owned);
    let attribute = template.tables.get(table).and_then(|table| table.partition_keys.get(&index));
    let partition_key = attribute.and_then(|attribute| {
        let condition = request["KeyConditionExpression"].as_str()?;
        let equalities = condition.split(" AND ").filter_map(|term| term.split_once('='));
        let names = &request["ExpressionAttributeNames"];
        let mut values = equalities.filter_map(|(name, value)| {
            let name = name.trim().trim_start_matches('(');
            let is_key = name == attribute || names[name].as_str() == Some(attribute);
            is_key.then(|| &request["ExpressionAttributeValues"][value.trim().trim_end_matches(')')])
        });
        plain_text(values.next()?)
    });
    Touch { action: "dynamodb:Query".to_owned(), resource: table.to_owned(), index, partition_key }
}

fn plain_text(attribute: &Value) -> Option<String> {
    attribute.get("S").or_else(|| attribute.get("N")).and_then(Value::as_str).map(str::to_owned)
}

/// Whether the operation says what it consumed, if asked.
pub(crate) fn has_capacity(call: &Call) -> bool {
    call.service == "dynamodb" && call.operation != "DescribeTable" && call.operation != "ListTables"
}

/// The request, and the question what it consumes.
pub(crate) fn asking_for_capacity(request: &Value) -> Vec<u8> {
    let mut asking = request.clone();
    asking["ReturnConsumedCapacity"] = "INDEXES".into();
    asking.to_string().into_bytes()
}

/// Takes what was consumed out of an answer; it stays if the function asked for it itself.
pub(crate) fn take_capacity(answer: &mut Vec<u8>, request: &Value) -> Vec<Value> {
    let Ok(mut body) = serde_json::from_slice::<Value>(answer) else { return Vec::new() };
    let capacity = body.get("ConsumedCapacity").cloned().unwrap_or_default();
    if request["ReturnConsumedCapacity"].is_null()
        && let Some(fields) = body.as_object_mut()
    {
        fields.remove("ConsumedCapacity");
        *answer = body.to_string().into_bytes();
    }
    match capacity {
        Value::Array(tables) => tables,
        Value::Null => Vec::new(),
        one => vec![one],
    }
}
