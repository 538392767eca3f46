//! Creating functions in a copy of the files that it changes.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use xtask::{NewFunctionError, new_function};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const CHANGED: [&str; 3] = ["template.yaml", "infra/local/Cargo.toml", "infra/local/src/functions.rs"];
const PARTS: [&str; 5] = ["Cargo.toml", "event.json", "src/main.rs", "src/lib.rs", "tests/it/main.rs"];

/// A copy that is removed when the value is dropped.
struct Copy(PathBuf);

impl Copy {
    fn new(test: &str) -> Self {
        let copy = Self(std::env::temp_dir().join(format!("gatepost-xtask-{test}-{}", std::process::id())));
        let parts = PARTS.map(|part| format!("functions/health/{part}"));
        for file in CHANGED.iter().copied().chain(parts.iter().map(String::as_str)) {
            let to = copy.0.join(file);
            fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            fs::copy(Path::new(ROOT).join(file), to).expect("a copy");
        }
        copy
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_new_function_has_every_part_under_its_own_name() {
    let copy = Copy::new("parts");

    new_function(&copy.0, "read-weather").expect("a function");

    for part in PARTS {
        let text = copy.read(&format!("functions/read-weather/{part}"));
        assert!(!text.to_lowercase().contains("health"), "{part}: {text}");
    }
    let slice = copy.read("functions/read-weather/src/lib.rs");
    assert!(slice.starts_with("//! `GET /v1/read-weather`: "), "{slice}");
    assert!(slice.contains("pub struct ReadWeather;"), "{slice}");
    assert!(copy.read("functions/read-weather/src/main.rs").contains("read_weather::function"));
    assert!(copy.read("functions/read-weather/Cargo.toml").contains("name = \"read-weather\""));
}

#[test]
fn a_new_function_is_in_register_and_template() {
    let copy = Copy::new("register");
    let before = CHANGED.map(|file| copy.read(file));

    new_function(&copy.0, "read-weather").expect("a function");

    let after = CHANGED.map(|file| copy.read(file));
    let added = |file: usize| {
        let old: Vec<_> = before[file].lines().collect();
        after[file].lines().filter(|line| !old.contains(line)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(added(1), ["read-weather.path = \"../../functions/read-weather\""]);
    let line = r#"    endpoint::<read_weather::ReadWeather>("read-weather", |cloud| mount(read_weather::function(cloud))),"#;
    assert_eq!(added(2), [line]);
    let template = added(0).join("\n");
    for line in ["  ReadWeather:", "      Role: !GetAtt ReadWeatherRole.Arn", "  ReadWeatherRole:"] {
        assert!(template.lines().any(|added| added == line), "{line}: {template}");
    }
    assert!(template.contains("Method: GET, Path: /v1/read-weather }"), "{template}");
    assert!(template.contains("Method: HEAD, Path: /v1/read-weather }"), "{template}");
    assert!(!template.to_lowercase().contains("health"), "{template}");
}

#[test]
fn an_unusable_or_taken_name_changes_nothing() {
    let copy = Copy::new("names");
    let before = CHANGED.map(|file| copy.read(file));

    for name in ["weather", "Read-Weather", "read_weather", "read-", "../read-weather"] {
        let refused = new_function(&copy.0, name);
        assert!(matches!(refused, Err(NewFunctionError::InvalidName(_))), "{name}: {refused:?}");
    }
    assert_eq!(CHANGED.map(|file| copy.read(file)), before);

    new_function(&copy.0, "read-weather").expect("a function");
    let once = CHANGED.map(|file| copy.read(file));
    let refused = new_function(&copy.0, "read-weather");
    assert!(matches!(refused, Err(NewFunctionError::Exists(_))), "{refused:?}");
    assert_eq!(CHANGED.map(|file| copy.read(file)), once);
}
