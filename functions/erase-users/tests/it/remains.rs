//! The content of the tables, after DynamoDB has removed expired items.

use serde_json::{Map, Value, json};
use stage::Stage;

/// The items of all tables of the template.
pub(crate) struct Remains(Vec<Map<String, Value>>);

impl Remains {
    pub(crate) fn of(stage: &Stage) -> Self {
        let now = stage.stack.clock().now().seconds();
        let dynamodb = |operation: &str, request: Value| {
            stage.stack.dynamodb(operation, &request).expect("an answer of the database")
        };
        let mut items = Vec::new();
        for table in stage.stack.template().tables.keys() {
            let mut request = json!({"TableName": table});
            loop {
                let page = dynamodb("Scan", request.clone());
                items.extend(page["Items"].as_array().expect("items").clone());
                let Some(next) = page.get("LastEvaluatedKey").filter(|next| next.is_object()) else { break };
                request["ExclusiveStartKey"] = next.clone();
            }
        }
        let ttl = |item: &Map<String, Value>| item.get("ttl")?["N"].as_str()?.parse::<i64>().ok();
        let items = items.into_iter().filter_map(|item| item.as_object().cloned());
        Self(items.filter(|item| ttl(item).is_none_or(|ttl| ttl > now)).collect())
    }

    /// Returns the items outside the partitions with these prefixes.
    pub(crate) fn but(&self, beginnings: &[&str]) -> Self {
        let is_one = |item: &Map<String, Value>| {
            let pk = item.get("pk").and_then(|pk| pk["S"].as_str()).unwrap_or_default();
            beginnings.iter().any(|beginning| pk.starts_with(beginning))
        };
        Self(self.0.iter().filter(|item| !is_one(item)).cloned().collect())
    }

    pub(crate) fn everywhere(&self) -> String {
        Value::from(self.0.iter().cloned().map(Value::Object).collect::<Vec<_>>()).to_string()
    }

    /// Returns the items under a user's id.
    pub(crate) fn user(&self, id: &str) -> Vec<&Map<String, Value>> {
        let pk = json!({"S": format!("USER#{id}")});
        self.0.iter().filter(|item| item.get("pk") == Some(&pk)).collect()
    }

    /// Returns the types of a user's events, in order.
    pub(crate) fn events(&self, id: &str) -> Vec<&str> {
        let stream = json!({"S": format!("user#{id}")});
        let mut events: Vec<_> = self.0.iter().filter(|item| item.get("stream") == Some(&stream)).collect();
        let number =
            |item: &Map<String, Value>| item["seq"]["N"].as_str().and_then(|seq| seq.parse::<u64>().ok());
        events.sort_by_key(|item| number(item));
        events.iter().map(|item| item["detail_type"]["S"].as_str().expect("a type")).collect()
    }
}
