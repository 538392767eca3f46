//! The published description of event types: a JSON Schema each, and a page. Both are generated from the Rust
//! types and committed. A test compares them.

mod evolution;
mod page;
pub(crate) mod samples;
mod schemas;

use std::{fs, path::PathBuf};

fn root() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../..").into()
}

const COMMAND: &str = "REGENERATE=1 cargo test --package domain catalogue";

/// Compares a committed file with its expected content, or writes it if `REGENERATE` is set.
fn committed(path: &str, expected: &str) {
    let file = root().join(path);
    if std::env::var_os("REGENERATE").is_some() {
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, expected).expect("written");
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == expected, "{path} is not what the Rust types say. Regenerate it: {COMMAND}");
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    let schemas = schemas::all();
    for (name, schema) in &schemas {
        let text = serde_json::to_string_pretty(schema).expect("JSON") + "\n";
        committed(&format!("schemas/events/{name}.json"), &text);
    }
    let released = evolution::released().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    for file in fs::read_dir(root().join("schemas/events")).expect("schemas") {
        let name = file.expect("a file").file_name().into_string().expect("text").replace(".json", "");
        assert!(schemas.contains_key(&name) || released.contains(&name), "no type has the schema {name}");
    }
}

#[test]
fn the_committed_page_is_that_of_the_types() {
    committed("docs/use/event-catalogue.md", &page::of(&schemas::all()));
}
