//! The checks of a table against the template.

use local::template::Table;
use serde_json::Value;

use super::check::{Check, Remedy};

const MADE_ANEW: Remedy = Remedy(
    "deploy the template of this build; if the table's keys differ, restore the table under its own name",
    "docs/operate/deploying.md#protection",
);
const DEPLOY: Remedy =
    Remedy("deploy the template of this build, which enables it", "docs/operate/deploying.md");
const STREAM: Remedy = Remedy(
    "deploy the template of this build; until then only the sweeper delivers events, 15 minutes late",
    "docs/operate/alarms.md",
);

/// Checks the `Table` in the response of `DescribeTable`.
pub(crate) fn checks(id: &str, wanted: &Table, found: &Value) -> Vec<Check> {
    let name = |what: &str| format!("table {id}: {what}");
    let wanted = &wanted.create;
    let mut checks = vec![
        Check::equal(name("state"), "ACTIVE", text(&found["TableStatus"]), MADE_ANEW),
        Check::equal(name("keys"), keys(wanted, wanted), keys(found, found), MADE_ANEW),
        Check::equal(name("stream"), stream(wanted), stream(found), STREAM),
    ];
    for index in wanted["GlobalSecondaryIndexes"].as_array().into_iter().flatten() {
        let same = |other: &&Value| other["IndexName"] == index["IndexName"];
        let there = found["GlobalSecondaryIndexes"].as_array().into_iter().flatten().find(same);
        let there = there.map_or_else(|| "none".to_owned(), |there| described(there, found));
        let what = name(&format!("index {}", text(&index["IndexName"])));
        checks.push(Check::equal(what, described(index, wanted), there, MADE_ANEW));
    }
    checks
}

/// Checks the response of `DescribeTimeToLive`.
pub(crate) fn expiry(id: &str, wanted: &Table, found: &Value) -> Check {
    let found = &found["TimeToLiveDescription"];
    let is_on = ["ENABLED", "ENABLING"].contains(&found["TimeToLiveStatus"].as_str().unwrap_or_default());
    let found = if is_on { text(&found["AttributeName"]) } else { "none".to_owned() };
    let wanted = wanted.expiry.clone().unwrap_or_else(|| "none".to_owned());
    Check::equal(format!("table {id}: time to live"), wanted, found, DEPLOY)
}

/// Checks the response of `DescribeContinuousBackups`.
pub(crate) fn recovery(id: &str, wanted: &Table, found: &Value) -> Check {
    let found = &found["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
    let is_on = found["PointInTimeRecoveryStatus"] == "ENABLED";
    let named = |is_on| if is_on { "on" } else { "off" };
    let name = format!("table {id}: point-in-time recovery");
    Check::equal(name, named(wanted.recovers), named(is_on), DEPLOY)
}

/// Returns each key with its type, e.g. `stream (S), seq (N)`.
fn keys(of: &Value, table: &Value) -> String {
    let kind = |name: &Value| {
        let mut definitions = table["AttributeDefinitions"].as_array().into_iter().flatten();
        let definition = definitions.find(|definition| definition["AttributeName"] == *name);
        definition.map(|definition| text(&definition["AttributeType"])).unwrap_or_default()
    };
    let keys = of["KeySchema"].as_array().into_iter().flatten().map(|key| &key["AttributeName"]);
    let keys: Vec<_> = keys.map(|name| format!("{} ({})", text(name), kind(name))).collect();
    keys.join(", ")
}

fn described(index: &Value, table: &Value) -> String {
    let projection = &index["Projection"];
    let mut others: Vec<_> =
        projection["NonKeyAttributes"].as_array().into_iter().flatten().map(text).collect();
    others.sort_unstable();
    let others = [vec![text(&projection["ProjectionType"])], others].concat().join(" ");
    format!("{}, {others}", keys(index, table))
}

fn stream(of: &Value) -> String {
    let stream = &of["StreamSpecification"];
    if stream["StreamEnabled"] == true { text(&stream["StreamViewType"]) } else { "none".to_owned() }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use local::Stack;
    use serde_json::json;

    use super::*;
    use crate::doctor::check::Severity;

    #[test]
    fn disabled_recovery_and_expiry_are_found_if_the_template_has_them() {
        let template = Stack::memory().template().expect("the template");
        let status = |status: &str| {
            let recovery = json!({"PointInTimeRecoveryStatus": status});
            json!({"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": recovery}})
        };
        let severity =
            |table: &str, now: &str| recovery(table, &template.tables[table], &status(now)).severity;
        let described = |ttl: Value| json!({"TimeToLiveDescription": ttl});
        let expires = |ttl: Value| expiry("Events", &template.tables["Events"], &described(ttl)).severity;

        assert_eq!(severity("Identities", "ENABLED"), Severity::Ok);
        assert_eq!(severity("Identities", "DISABLED"), Severity::Error);
        assert_eq!(severity("MailReceipts", "DISABLED"), Severity::Ok);
        assert_eq!(expires(json!({"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"})), Severity::Ok);
        assert_eq!(
            expires(json!({"TimeToLiveStatus": "ENABLED", "AttributeName": "other"})),
            Severity::Error
        );
        assert_eq!(expires(json!({"TimeToLiveStatus": "DISABLED", "AttributeName": "ttl"})), Severity::Error);
    }
}
