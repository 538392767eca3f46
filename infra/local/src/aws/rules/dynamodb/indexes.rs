//! What a query can ask of an index.

use std::collections::BTreeSet;

use serde_json::Value;

use super::expressions::paths;

/// Returns the refusal of a query of an index that filters by, or asks for, an attribute that the index does not hold.
pub(super) fn not_projected(request: &Value, table: &Value) -> Option<String> {
    let index = request["IndexName"].as_str()?;
    let indexes = table["GlobalSecondaryIndexes"].as_array()?;
    let definition = indexes.iter().find(|definition| definition["IndexName"] == index)?;
    let projection = &definition["Projection"];
    if projection["ProjectionType"] == "ALL" {
        return None;
    }
    let mut held = key_attributes(&table["KeySchema"]);
    held.extend(key_attributes(&definition["KeySchema"]));
    held.extend(projection["NonKeyAttributes"].as_array().into_iter().flatten().filter_map(Value::as_str));
    let missing = |expression: &str| {
        let paths = request[expression].as_str().map(|text| paths(text, request)).unwrap_or_default();
        paths.into_iter().find(|path| !held.contains(path)).map(str::to_owned)
    };
    if let Some(attribute) = missing("ProjectionExpression") {
        return Some(format!(
            "One or more parameter values were invalid: Global secondary index {index} does not project [{attribute}]"
        ));
    }
    let attribute = missing("FilterExpression")?;
    Some(format!(
        "One or more parameter values were invalid: Secondary index {index} does not project one or more filter \
         attributes: [{attribute}]"
    ))
}

/// Returns the attributes of a key schema.
pub(super) fn key_attributes(schema: &Value) -> BTreeSet<&str> {
    schema.as_array().into_iter().flatten().filter_map(|key| key["AttributeName"].as_str()).collect()
}
