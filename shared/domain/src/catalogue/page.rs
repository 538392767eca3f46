//! The page of the catalogue.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::Value;

use super::{COMMAND, samples};
use crate::Detail;

/// Renders the page from the schemas and one event of each type.
pub(super) fn of(schemas: &BTreeMap<String, Value>) -> String {
    let any = schemas.values().next().expect("a type");
    let mut page = format!(
        "# Event catalogue\n\nGenerated from the Rust types by `{COMMAND}`; do not edit.\n\n\
        Every event has the fields of the envelope; `data` differs by type. Each type has a JSON Schema in\n\
        [schemas/events](../../schemas/events), whose `$id` is the event's `dataschema`. Types\n\
        [change](events.md#how-types-change) compatibly. Personal fields are left out with `EventDetail=ids`.\n\
        An absent field is left out, never `null`.\n\n## The envelope\n\n"
    );
    let mut envelope = any.clone();
    envelope["properties"].as_object_mut().expect("fields").remove("data");
    for differs in ["type", "dataschema"] {
        envelope["properties"][differs].as_object_mut().expect("a field").remove("const");
    }
    table(&mut page, &envelope, &Value::Null);
    let samples = samples::all();
    json(&mut page, &samples::rendered(&samples[0], Detail::Profile));
    for event in samples {
        let (name, version) = (event.kind.name(), event.kind.version());
        let schema = &schemas[&format!("{name}.{version}")];
        let example = samples::rendered(&event, Detail::Profile);
        let without_person = &samples::rendered(&event, Detail::Ids)["data"];
        let (subject, _) = example["subject"].as_str().and_then(|it| it.split_once('#')).expect("an id");
        let when = schema["description"].as_str().expect("when it happens");
        let _ = writeln!(
            page,
            "\n## `{name}`\n\n{when} Subject `{subject}#<id>`, version {version},\n\
            [schema](../../schemas/events/{name}.{version}.json).\n"
        );
        if example["data"].as_object().is_some_and(serde_json::Map::is_empty) {
            page.push_str("Its `data` has no fields.\n");
        } else {
            table(&mut page, &schema["properties"]["data"], without_person);
            json(&mut page, &example["data"]);
        }
    }
    page
}

/// Renders an example.
fn json(page: &mut String, example: &Value) {
    let _ = writeln!(page, "\n```json\n{example:#}\n```");
}

/// Renders a table of fields. Fields that are left out with `EventDetail=ids` are marked as personal.
fn table(page: &mut String, object: &Value, without_person: &Value) {
    let is_of_person = |field: &String| without_person.is_object() && without_person[field].is_null();
    page.push_str("| field | type | presence | personal | |\n|---|---|---|---|---|\n");
    for (field, schema) in object["properties"].as_object().into_iter().flatten() {
        let is_required =
            object["required"].as_array().is_some_and(|list| list.iter().any(|name| name == field));
        let presence = if is_required { "always" } else { "may be missing" };
        let personal = if is_of_person(field) { "yes" } else { "no" };
        let about = schema["description"].as_str().unwrap_or_default();
        let _ = writeln!(page, "| `{field}` | {} | {presence} | {personal} | {about} |", kind(schema));
    }
}

fn kind(schema: &Value) -> String {
    let values = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(schema["oneOf"].as_array().into_iter().flatten().map(|one| &one["const"]));
    let values: Vec<String> = values
        .chain(schema.get("const"))
        .map(|value| format!("`{}`", value.as_str().unwrap_or_default()))
        .collect();
    match (values.is_empty(), schema["format"].as_str()) {
        (false, _) => values.join(" or "),
        (true, Some(format)) => format.to_owned(),
        (true, None) => schema["type"].as_str().unwrap_or("any").to_owned(),
    }
}
