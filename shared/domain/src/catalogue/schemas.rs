//! JSON Schemas of the types: each describes the whole `detail`, with the CloudEvents envelope and the data.
//!
//! Objects are open: consumers must accept unknown fields, because fields are added without a new version.
//! Missing values are left out and never `null`.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Value, json};

use super::samples;
use crate::{Detail, EventKind, Id, Timestamp, envelope::CloudEvent};

impl<Kind> JsonSchema for Id<Kind> {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "uuid"})
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

fn of<T: JsonSchema>() -> Value {
    let settings =
        SchemaSettings::draft2020_12().for_serialize().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    drop_null(&mut schema);
    schema
}

/// Removes `null` from the schema of each `Option`, since missing values are left out.
fn drop_null(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some([kind, Value::String(null)]) =
                fields.get("type").and_then(Value::as_array).map(Vec::as_slice)
                && null == "null"
            {
                fields.insert("type".to_owned(), kind.clone());
            }
            let is_null = |schema: &Value| schema["type"] == "null";
            if let Some([Value::Object(some), null]) =
                fields.get("anyOf").and_then(Value::as_array).map(Vec::as_slice)
                && is_null(null)
            {
                let about = fields.get("description").cloned();
                *fields = some.clone();
                fields.extend(about.map(|about| ("description".to_owned(), about)));
            }
            fields.values_mut().for_each(drop_null);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_null),
        _ => {}
    }
}

/// Returns the schemas by type and version, e.g. `user.registered.1`.
pub(super) fn all() -> BTreeMap<String, Value> {
    let (envelope, kinds) = (of::<CloudEvent>(), of::<EventKind>());
    let kinds = kinds["anyOf"].as_array().expect("a schema for each kind");
    let samples = samples::all();
    assert_eq!(kinds.len(), samples.len(), "a sample of each type");
    let schema = |event: &crate::Event| {
        let (name, version) = (event.kind.name(), event.kind.version());
        // The doc comment of each variant has the type, and when the event happens.
        let about = |kind: &Value| kind["description"].as_str().unwrap_or_default().to_owned();
        let kind = kinds.iter().find(|kind| about(kind).starts_with(&format!("`{name}`: ")));
        let mut data = kind.unwrap_or_else(|| panic!("the comment of a kind begins with `{name}`")).clone();
        let about = about(&data);
        let (_, when) = about.split_once(": ").expect("when it happens");
        let when = format!("{}{}", when[..1].to_uppercase(), &when[1..]);
        data["description"] = envelope["properties"]["data"]["description"].clone();

        let mut schema = envelope.clone();
        let example = samples::rendered(event, Detail::Profile);
        schema["$id"] = example["dataschema"].clone();
        schema["title"] = name.into();
        schema["description"] = when.into();
        let properties = &mut schema["properties"];
        for constant in ["specversion", "type", "datacontenttype", "dataschema"] {
            properties[constant]["const"] = example[constant].clone();
        }
        let (subject, _) =
            example["subject"].as_str().and_then(|it| it.split_once('#')).expect("a kind and an id");
        let id = match subject {
            "role" => "[a-z][a-z0-9_-]{0,31}",
            "client" => "[a-z][a-z0-9._-]{2,63}",
            "digest" => "[0-9]{4}-[0-9]{2}-[0-9]{2}",
            _ => "[0-9a-f-]{36}",
        };
        properties["subject"]["pattern"] = format!("^{subject}#{id}$").into();
        properties["sequence"]["pattern"] = "^[0-9]{12,}$".into();
        properties["epoch"] = json!({
            "description": properties["epoch"]["description"], "type": "integer", "minimum": 1,
        });
        properties["source"]["format"] = "uri".into();
        properties["data"] = data;
        (format!("{name}.{version}"), schema)
    };
    samples.iter().map(schema).collect()
}
