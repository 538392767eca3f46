//! Permitted dependencies, read from `cargo metadata`.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

struct Package {
    folder: String,
    dependencies: BTreeSet<String>,
}

/// Returns every package of the workspace by name, with its normal dependencies.
fn workspace() -> BTreeMap<String, Package> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("cargo metadata is JSON");
    let root = metadata["workspace_root"].as_str().expect("a root");
    let package = |package: &Value| {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let normal = |dependency: &&Value| dependency["kind"].is_null();
        let dependencies = package["dependencies"].as_array().expect("a list").iter().filter(normal);
        let folder =
            text(&package["manifest_path"]).replace("/Cargo.toml", "").replace(&format!("{root}/"), "");
        let dependencies = dependencies.map(|dependency| text(&dependency["name"])).collect();
        (text(&package["name"]), Package { folder, dependencies })
    };
    metadata["packages"].as_array().expect("a list").iter().map(package).collect()
}

/// The shared crates, and the others that each may depend on. A function may depend on all of these, and on
/// nothing else.
const LAYERS: [(&str, &[&str]); 10] = [
    ("domain", &[]),
    ("cloud", &["domain"]),
    ("hashing", &["domain"]),
    ("tokens", &["domain"]),
    ("store", &["cloud", "domain"]),
    ("events", &["cloud", "domain", "store"]),
    // Owners use it for their own functions too, so it depends on nothing internal.
    ("gatepost-consumer", &[]),
    ("api", &["cloud", "domain", "store", "tokens"]),
    ("application", &["api", "cloud", "domain", "hashing", "store", "tokens"]),
    ("keys", &["cloud", "domain", "store", "tokens"]),
];

#[test]
fn shared_crates_know_only_those_beneath_them() {
    let workspace = workspace();
    for (name, package) in workspace.iter().filter(|(_, package)| package.folder.starts_with("shared/")) {
        let (_, may_know) =
            LAYERS.iter().find(|(layer, _)| layer == name).expect("a layer for each shared crate");
        let known = package.dependencies.iter().filter(|dependency| workspace.contains_key(*dependency));
        for dependency in known {
            assert!(may_know.contains(&dependency.as_str()), "{name} must not know {dependency}");
        }
    }
}

#[test]
fn functions_know_shared_crates_only() {
    let workspace = workspace();
    for (name, package) in workspace.iter().filter(|(_, package)| package.folder.starts_with("functions/")) {
        for dependency in package.dependencies.iter().filter_map(|dependency| workspace.get(dependency)) {
            assert!(dependency.folder.starts_with("shared/"), "{name} must not know {}", dependency.folder);
        }
    }
}

#[test]
fn examples_know_what_is_made_for_owners() {
    let workspace = workspace();
    for (name, package) in workspace.iter().filter(|(_, package)| package.folder.starts_with("examples/")) {
        let known = package.dependencies.iter().filter(|dependency| workspace.contains_key(*dependency));
        for dependency in known {
            let is_for_owners = ["cloud", "gatepost-consumer"].contains(&dependency.as_str());
            assert!(is_for_owners, "{name} must not know {dependency}");
        }
    }
}

/// Crates that only these packages may depend on, since each one is a door to the outside.
const DOORS: [(&str, &[&str]); 22] = [
    ("aws-config", &["cloud"]),
    ("aws-sdk-dynamodb", &["store", "gatepost-consumer", "directory"]),
    ("aws-sdk-eventbridge", &["events"]),
    ("aws-sdk-eventbridgev2", &["events"]),
    ("aws-sdk-secretsmanager", &["cloud"]),
    ("aws-sdk-sesv2", &["send-mail"]),
    ("lettre", &["send-mail"]),
    ("image", &["set-picture"]),
    // Signatures are verified where there is no AWS.
    ("aws-sigv4", &["cloud", "local"]),
    ("argon2", &["hashing"]),
    ("bcrypt", &["hashing"]),
    ("md-5", &["hashing"]),
    ("scrypt", &["hashing"]),
    ("sha-crypt", &["hashing"]),
    // `store` hashes the keys of limits, `gatepost` the blocks of an imported file.
    ("aws-lc-rs", &["hashing", "gatepost", "store", "tokens"]),
    ("jsonwebtoken", &["tokens"]),
    ("getrandom", &["cloud"]),
    ("lambda_http", &["api"]),
    ("lambda_runtime", &["cloud"]),
    ("aws-smithy-http-client", &["cloud"]),
    ("dynoxide-rs", &["local"]),
    ("aws-credential-types", &["cloud"]),
];

#[test]
fn each_door_to_the_world_is_in_one_place() {
    let workspace = workspace();
    // The measuring programs use the libraries directly as a baseline.
    let measured = workspace.iter().filter(|(_, package)| !package.folder.starts_with("tests/"));
    for (name, package) in measured {
        for (door, keepers) in DOORS {
            let is_kept = !package.dependencies.contains(door) || keepers.contains(&name.as_str());
            assert!(is_kept, "{name} must not depend on {door}: only {keepers:?} may");
        }
    }
}

#[test]
fn the_domain_does_no_io() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--package", "domain", "--edges", "normal", "--prefix", "none", "--offline"])
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8(tree.stdout).expect("text");
    assert!(tree.starts_with("domain "), "cargo tree answers: {tree}");
    for io in ["tokio", "hyper", "aws-", "rusqlite", "reqwest", "getrandom", "mio", "tracing"] {
        assert!(!tree.lines().any(|line| line.starts_with(io)), "domain must not come to depend on {io}");
    }
}

#[test]
fn what_is_deployed_holds_nothing_local() {
    let workspace = workspace();
    for name in
        workspace.iter().filter(|(_, package)| package.folder.starts_with("functions/")).map(|(name, _)| name)
    {
        let tree = Command::new(env!("CARGO"))
            .args(["tree", "--package", name, "--edges", "normal", "--prefix", "none", "--offline"])
            .output()
            .expect("cargo runs");
        let tree = String::from_utf8(tree.stdout).expect("text");
        let local = tree.lines().find(|line| {
            ["local ", "dynoxide-rs ", "rusqlite "].iter().any(|crate_| line.starts_with(crate_))
        });
        assert_eq!(local, None, "{name} would ship it");
    }
}
