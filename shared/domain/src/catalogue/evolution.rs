//! Compatible changes of event types: within a version, consumers of old events can read new events, and the
//! other way round, as in a replay.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{root, schemas};

/// Returns the parts of `new` that break a consumer of `old`.
fn breaks(path: &str, old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let keywords = |schema: &Value| {
        schema.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>()
    };
    for keyword in keywords(old).union(&keywords(new)) {
        match keyword.as_str() {
            // Texts for readers.
            "title" | "description" | "examples" | "$comment" => {}
            "properties" => found.extend(properties(path, old, new)),
            "required" => found.extend(required(path, old, new)),
            "enum" | "oneOf" => found.extend(values(path, keyword, old, new)),
            _ if old[keyword] == new[keyword] => {}
            _ => found.push(format!("{path}: `{keyword}` has changed")),
        }
    }
    found
}

fn properties(path: &str, old: &Value, new: &Value) -> Vec<String> {
    let fields = old["properties"].as_object().into_iter().flatten();
    let field = |(name, schema): (&String, &Value)| match new["properties"].get(name) {
        Some(new) => breaks(&format!("{path}/{name}"), schema, new),
        None => vec![format!("{path}/{name} is gone")],
    };
    fields.flat_map(field).collect()
}

/// Required fields stay required. A field that old events can lack cannot become required.
fn required(path: &str, old: &Value, new: &Value) -> Vec<String> {
    let names = |schema: &Value| -> BTreeSet<String> {
        let names = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        names.map(str::to_owned).collect()
    };
    let (old, new) = (names(old), names(new));
    old.symmetric_difference(&new)
        .map(|name| format!("{path}/{name}: whether it is required has changed"))
        .collect()
}

/// Values can be added but not removed: old events contain them.
fn values(path: &str, keyword: &str, old: &Value, new: &Value) -> Vec<String> {
    let value = |one: &Value| if keyword == "oneOf" { one["const"].clone() } else { one.clone() };
    let list =
        |schema: &Value| schema[keyword].as_array().map(|list| list.iter().map(value).collect::<Vec<_>>());
    match (list(old), list(new)) {
        (Some(old), Some(new)) => {
            let gone = old.into_iter().filter(|value| value.is_null() || !new.contains(value));
            gone.map(|value| format!("{path}: the value {value} is gone")).collect()
        }
        _ => vec![format!("{path}: `{keyword}` has changed")],
    }
}

fn read(path: impl AsRef<Path>) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a schema")).expect("JSON")
}

/// Returns every released schema with its type and version.
pub(super) fn released() -> Vec<(String, Value)> {
    let files =
        |folder: &Path| fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let releases = files(&root().join("schemas/released"));
    let schema = |path: PathBuf| {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        (name, read(path))
    };
    releases.flat_map(|release| files(&release).map(schema).collect::<Vec<_>>()).collect()
}

#[test]
fn no_type_breaks_its_released_schemas() {
    let current = schemas::all();
    for (name, released) in released() {
        let today = current.get(&name).cloned().unwrap_or_else(|| {
            let (kind, version) = name.rsplit_once('.').expect("type and version");
            let is_newer = |key: &String| {
                let newer = key.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.'));
                newer.and_then(|newer| newer.parse::<u32>().ok()) > version.parse().ok()
            };
            assert!(current.keys().any(is_newer), "{name} was released: a type does not go");
            // Old events of this type still exist, so its schema is kept.
            read(root().join(format!("schemas/events/{name}.json")))
        });
        let found = breaks(&name, &released, &today);
        assert_eq!(found, Vec::<String>::new(), "raise the version of the type instead");
    }
}

/// A change of a schema, and whether it breaks consumers.
type Change = (&'static str, bool, fn(&mut Value));

const CHANGES: &[Change] = &[
    ("nothing", false, |_| {}),
    ("another description", false, |schema| schema["properties"]["reason"]["description"] = "why".into()),
    ("a new optional field", false, |schema| schema["properties"]["device"] = json!({"type": "string"})),
    ("another possible value", false, |schema| {
        schema["properties"]["reason"]["enum"] = json!(["a", "b", "c"]);
    }),
    ("a removed field", true, |schema| {
        drop(schema["properties"].as_object_mut().map(|it| it.remove("note")));
    }),
    ("a field of another type", true, |schema| schema["properties"]["note"]["type"] = "integer".into()),
    ("a field that may be null", true, |schema| {
        schema["properties"]["note"]["type"] = json!(["string", "null"]);
    }),
    ("another format", true, |schema| schema["properties"]["id"]["format"] = "uri".into()),
    ("a format where there was none", true, |schema| schema["properties"]["note"]["format"] = "email".into()),
    ("a removed value", true, |schema| schema["properties"]["reason"]["enum"] = json!(["a"])),
    ("values where anything was allowed", true, |schema| schema["properties"]["note"]["enum"] = json!(["x"])),
    ("anything where there were values", true, |schema| {
        schema["properties"]["reason"] = json!({"type": "string"});
    }),
    ("an optional field that is required", true, |schema| {
        schema["required"] = json!(["id", "reason", "note"]);
    }),
    ("a required field that is optional", true, |schema| schema["required"] = json!(["id"])),
    ("a new required field", true, |schema| {
        schema["properties"]["device"] = json!({"type": "string"});
        schema["required"] = json!(["id", "reason", "device"]);
    }),
    ("a closed object", true, |schema| schema["additionalProperties"] = false.into()),
    ("a nested field of another type", true, |schema| {
        schema["properties"]["data"]["properties"]["n"]["type"] = "string".into();
    }),
];

#[test]
fn the_rule_distinguishes_breaking_from_compatible_changes() {
    let old = json!({
        "type": "object",
        "required": ["id", "reason"],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "reason": {"type": "string", "enum": ["a", "b"], "description": "Why."},
            "note": {"type": "string"},
            "data": {"type": "object", "properties": {"n": {"type": "integer"}}},
        },
    });
    for (change, is_breaking, make) in CHANGES {
        let mut new = old.clone();
        make(&mut new);
        let found = breaks("", &old, &new);
        assert_eq!(!found.is_empty(), *is_breaking, "{change}: {found:?}");
    }
}
