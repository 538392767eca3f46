//! Rules of DynamoDB that the embedded database does not know.

mod expressions;
mod indexes;
mod keys;

use serde_json::Value;

use crate::template::{Template, id_of};

/// `docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html`: "The total request size exceeds
/// 16 MB."
const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;

pub(super) fn violation(
    operation: &str,
    bytes: usize,
    request: &Value,
    template: &Template,
) -> Option<String> {
    match operation {
        "TransactWriteItems" | "TransactGetItems" => {
            let operations = request["TransactItems"].as_array()?.iter().filter_map(Value::as_object);
            operations.flat_map(|kinds| kinds.values()).find_map(|part| of_request(part, template))
        }
        "BatchWriteItem" if bytes > MAX_BATCH_BYTES => {
            Some(format!("The request is larger than {MAX_BATCH_BYTES} bytes"))
        }
        "BatchWriteItem" => request["RequestItems"].as_object()?.iter().find_map(|(table, writes)| {
            let table = definition(table, template)?;
            let mut items = writes.as_array()?.iter().map(|write| &write["PutRequest"]["Item"]);
            items.find_map(|item| keys::too_long(&attributes(item), table))
        }),
        _ => of_request(request, template),
    }
}

fn of_request(request: &Value, template: &Template) -> Option<String> {
    expressions::too_large(request).or_else(|| {
        let table = definition(request["TableName"].as_str()?, template)?;
        let written = [attributes(&request["Item"]), expressions::assignments(request)].concat();
        keys::in_update(request, table)
            .or_else(|| keys::too_long(&written, table))
            .or_else(|| indexes::not_projected(request, table))
    })
}

/// The names and values of an item; none if there is no item.
fn attributes(item: &Value) -> Vec<(&str, &Value)> {
    item.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value)).collect()
}

fn definition<'a>(table: &str, template: &'a Template) -> Option<&'a Value> {
    template.tables.get(id_of(table)).map(|table| &table.create)
}
