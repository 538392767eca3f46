//! Each function has one name for its folder, package, binary, template resource and test.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn functions() -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(root().join("functions"))
        .expect("functions")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    names
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn pascal(name: &str) -> String {
    let word = |word: &str| [word[..1].to_uppercase(), word[1..].to_owned()].concat();
    name.split('-').map(word).collect()
}

#[test]
fn every_function_has_the_same_parts() {
    for name in functions() {
        for part in ["Cargo.toml", "src/lib.rs", "src/main.rs", "tests/it/main.rs", "event.json"] {
            assert!(
                root().join("functions").join(&name).join(part).is_file(),
                "functions/{name} lacks {part}"
            );
        }
        let manifest = read(&format!("functions/{name}/Cargo.toml"));
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "the package of functions/{name} has its name"
        );
        let main = read(&format!("functions/{name}/src/main.rs"));
        assert!(main.lines().count() <= 12, "functions/{name}/src/main.rs only wires");
        let event: Value =
            serde_json::from_str(&read(&format!("functions/{name}/event.json"))).expect("JSON");
        assert!(event.is_object(), "functions/{name}/event.json is an event");
    }
}

#[test]
fn every_function_is_in_the_template_by_its_name() {
    let template = read("template.yaml");
    let in_template: Vec<_> = template
        .lines()
        .zip(template.lines().skip(1))
        .filter(|(_, kind)| kind.trim() == "Type: AWS::Serverless::Function")
        .map(|(name, _)| name.trim().trim_end_matches(':').to_owned())
        .collect();
    let mut expected: Vec<_> = functions().iter().map(|name| pascal(name)).collect();
    let mut found = in_template;
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn no_file_is_a_drawer_for_everything() {
    let mut folders: Vec<_> =
        ["examples", "functions", "infra", "shared", "tests"].map(|name| root().join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            if path.is_dir() && !["target", "node_modules"].contains(&name.as_str()) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                assert!(
                    !["utils", "util", "common", "helpers", "manager", "misc"].contains(&name.as_str()),
                    "{path:?}"
                );
            }
        }
    }
}

/// A target without tests is linked and run for nothing. With three per package, that would be most of a test
/// build.
#[test]
fn only_targets_with_tests_are_built_for_testing() {
    for manifest in manifests() {
        let folder = manifest.parent().expect("a folder");
        let text = fs::read_to_string(&manifest).expect("a manifest");
        let sources = sources(&folder.join("src"));
        let lines: Vec<_> = sources.iter().flat_map(|source| source.lines().map(str::trim_start)).collect();
        let any = |marks: &[&str]| lines.iter().any(|line| marks.iter().any(|mark| line.starts_with(mark)));
        let (has_library, has_program) =
            (folder.join("src/lib.rs").exists(), folder.join("src/main.rs").exists());
        let table = |name: &str| text.split(name).nth(1).map(|rest| rest.split("\n[").next().unwrap_or(rest));
        let says = |name: &str, line: &str| table(name).is_some_and(|table| table.contains(line));

        let has_unit_tests = any(&["#[test]", "#[tokio::test"]);
        if has_library {
            assert_eq!(
                says("[lib]", "\ntest = false"),
                !has_unit_tests,
                "{}: [lib] test",
                manifest.display()
            );
            let has_examples = any(&["//! ```", "/// ```"]);
            assert_eq!(says("[lib]", "\ndoctest = false"), !has_examples, "{}: doctest", manifest.display());
        }
        let program_is_tested = has_unit_tests && !has_library;
        if has_program {
            assert_eq!(
                says("[[bin]]", "\ntest = false"),
                !program_is_tested,
                "{}: [[bin]] test",
                manifest.display()
            );
        }
    }
}

/// Returns the manifest of every package.
fn manifests() -> Vec<PathBuf> {
    let rooms = ["functions", "shared", "infra", "examples", "tests", "tests/load"];
    let folders = rooms.iter().flat_map(|room| fs::read_dir(root().join(room)).expect("a room"));
    let manifests = folders.map(|entry| entry.expect("an entry").path().join("Cargo.toml"));
    manifests.filter(|manifest| manifest.is_file()).collect()
}

/// Returns the text of every Rust file below `folder`.
fn sources(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| match path.extension() {
            Some(extension) if extension == "rs" => vec![fs::read_to_string(&path).expect("a source")],
            _ => sources(&path),
        })
        .collect()
}
