//! `gatepost keys`.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use stage::Tokens;

use crate::operated::{Folder, Said};

const EMAIL: &str = "ada@example.com";

fn keys(folder: &Folder, arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command
        .current_dir(folder.0.path())
        .arg("keys")
        .args(arguments)
        .args(["--data", "data"])
        .stdin(Stdio::null());
    let output = command.output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said { code: output.status.code(), text: text(output.stdout), complaint: text(output.stderr) }
}

fn ring(folder: &Folder, arguments: &[&str]) -> Value {
    let said = keys(folder, &[arguments, &["--json"]].concat());
    assert_eq!(said.code, Some(0), "{}", said.complaint);
    serde_json::from_str(&said.text).expect("JSON")
}

fn states(ring: &Value) -> Vec<&str> {
    ring["keys"].as_array().expect("keys").iter().map(|key| key["state"].as_str().expect("a state")).collect()
}

#[tokio::test]
async fn keys_are_listed_rotated_and_removed() {
    let folder = Folder::new();
    let old = {
        let system = folder.system(Duration::from_hours(2));
        system.0.registered(EMAIL).await;
        let old = Tokens::of(&system.0.log_in(EMAIL).await.expect(201).body);
        system.0.stack.run_schedule("rotate-keys").await.expect("a rotation");
        old
    };
    assert_eq!(states(&ring(&folder, &["list"])), ["current", "retired"]);
    let rotated = ring(&folder, &["rotate"]);
    assert_eq!(states(&rotated), ["pending", "current", "retired"]);
    assert_eq!(states(&ring(&folder, &["rotate"])), ["pending", "current", "retired"], "one at a time");
    assert_eq!(ring(&folder, &["rotate", "--pepper"])["peppers"].as_array().map(Vec::len), Some(2));

    let kid = |index: usize| rotated["keys"][index]["kid"].as_str().expect("a kid").to_owned();
    assert_eq!(keys(&folder, &["retire", &kid(1), "--yes"]).code, Some(1), "it signs");
    let unknown = keys(&folder, &["retire", "-no-such-key", "--yes"]);
    assert!(unknown.complaint.contains("there is no such key"), "{}", unknown.complaint);
    let retired = ring(&folder, &["retire", &kid(2), "--yes"]);
    assert_eq!(states(&retired), ["pending", "current", "gone"]);

    assert_eq!(keys(&folder, &["revoke-all"]).code, Some(4), "not confirmed");
    assert_eq!(states(&ring(&folder, &["revoke-all", "--yes"])), ["current", "gone", "gone", "gone"]);
    let system = folder.system(Duration::ZERO);
    system.0.refresh(&old.refresh).await.expect(401);
    system.0.log_in(EMAIL).await.expect(201);
}

#[test]
fn a_key_of_another_algorithm_is_added_and_listed() {
    let folder = Folder::new();
    drop(folder.system(Duration::ZERO));
    let algorithms = |ring: &Value| {
        let keys = ring["keys"].as_array().expect("keys").iter();
        keys.map(|key| key["algorithm"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };

    let rotated = ring(&folder, &["rotate", "--token-algorithm", "EdDSA"]);
    assert_eq!(algorithms(&rotated), ["EdDSA", "ES256"]);
    let revoked = ring(&folder, &["revoke-all", "--token-algorithm", "RS384", "--yes"]);
    assert_eq!(algorithms(&revoked), ["RS384", "EdDSA", "ES256"]);
    assert_eq!(algorithms(&ring(&folder, &["rotate"])), ["ES256", "RS384"]);

    let said = keys(&folder, &["list"]);
    assert!(said.text.contains("  RS384  current"), "{}", said.text);
    let secret = std::fs::read_to_string(folder.0.data().join("secret.json")).expect("a secret");
    let secret: Value = serde_json::from_str(&secret).expect("JSON");
    let private_key = secret["keys"][1]["private_key"].as_str().expect("a private key");
    assert!(!said.text.contains(&private_key[private_key.len() - 8..]));
    assert_eq!(keys(&folder, &["rotate", "--token-algorithm", "HS256"]).code, Some(2), "unknown");
    assert_eq!(keys(&folder, &["list", "--token-algorithm", "ES256"]).code, Some(2), "what for?");
}

#[test]
fn a_full_secret_is_not_changed() {
    let folder = Folder::new();
    drop(folder.system(Duration::ZERO));
    let file = folder.0.data().join("secret.json");
    let secret = std::fs::read_to_string(&file).expect("a secret");
    let generated: Value = serde_json::from_str(&secret).expect("JSON");
    let seed = generated["seed"].as_str().expect("a seed");
    let peppers: Vec<_> =
        (100..864).map(|number| json!({"seed": format!("{number}{}", &seed[3..]), "from": 0})).collect();
    let full = json!({"keys": [{"seed": seed, "from": 0}], "peppers": peppers}).to_string();
    assert!((64_500..65_400).contains(&full.len()), "{}", full.len());
    std::fs::write(&file, &full).expect("written");

    let said = keys(&folder, &["rotate", "--token-algorithm", "RS256"]);

    assert_eq!((said.code, said.complaint.contains("full of keys")), (Some(1), true), "{}", said.complaint);
    assert_eq!(std::fs::read_to_string(&file).expect("a secret"), full);
}

#[test]
fn seeds_are_never_printed() {
    let folder = Folder::new();
    drop(folder.system(Duration::ZERO));
    let secret = std::fs::read_to_string(folder.0.data().join("secret.json")).expect("a secret");
    let secret: Value = serde_json::from_str(&secret).expect("JSON");
    let seed = secret["seed"].as_str().expect("a seed");

    let said = keys(&folder, &["list"]);

    assert!(said.text.contains("current") && said.text.contains("pepper"), "{}", said.complaint);
    assert!(!said.text.contains(&seed[..8]) && !said.complaint.contains(&seed[..8]));
}

/// Returns the secrets in a file of a folder.
fn secret(folder: &Folder, file: &str) -> Value {
    let text = std::fs::read_to_string(folder.0.data().join(file)).expect("a secret");
    serde_json::from_str(&text).expect("JSON")
}

/// Returns a folder of an older version, which has one secret with a key and a pepper. The user is signed in.
async fn older_folder() -> (Folder, Tokens) {
    let folder = Folder::new();
    let system = folder.system(Duration::from_mins(1));
    let tokens = system.0.signed_in(EMAIL).await;
    drop(system);
    let pepper = secret(&folder, "credentials.json")["pepper"].clone();
    let key = secret(&folder, "secret.json")["seed"].clone();
    let older = json!({"keys": [{"seed": key, "from": 0}], "peppers": [{"seed": pepper, "from": 0}]});
    std::fs::write(folder.0.data().join("secret.json"), older.to_string()).expect("written");
    std::fs::remove_file(folder.0.data().join("credentials.json")).expect("removed");
    (folder, tokens)
}

#[tokio::test]
async fn an_older_folder_with_one_secret_is_separated_when_it_is_opened() {
    let (folder, tokens) = older_folder().await;
    let older = secret(&folder, "secret.json");

    let system = folder.system(Duration::ZERO);

    system.0.log_in(EMAIL).await.expect(201);
    system.0.refresh(&tokens.refresh).await.expect(200);
    drop(system);
    assert_eq!(secret(&folder, "secret.json"), json!({"keys": older["keys"]}));
    assert_eq!(secret(&folder, "credentials.json"), json!({"peppers": older["peppers"]}));
    let mode = std::fs::metadata(folder.0.data().join("credentials.json")).expect("a file").permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
    let said = keys(&folder, &["separate"]);
    assert!(said.code == Some(0) && said.text.contains("nothing to do"), "{} {}", said.text, said.complaint);
}

#[tokio::test]
async fn a_separation_killed_between_its_steps_continues() {
    let (folder, _) = older_folder().await;
    let older = secret(&folder, "secret.json");
    let copied = json!({"peppers": older["peppers"]}).to_string();
    let file = folder.0.data().join("credentials.json");
    std::fs::write(&file, copied).expect("written");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("ours");

    let system = folder.system(Duration::ZERO);

    system.0.log_in(EMAIL).await.expect(201);
    drop(system);
    assert_eq!(secret(&folder, "secret.json"), json!({"keys": older["keys"]}));
}

#[tokio::test]
async fn the_command_computes_the_hashes_of_the_log() {
    let folder = Folder::new();
    drop(folder.system(Duration::ZERO));
    assert_eq!(keys(&folder, &["rotate", "--pepper"]).code, Some(0));
    let hashes = |known: [&str; 2]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.current_dir(folder.0.path()).args(["logs", "hash"]).args(known);
        let output = command.args(["--data", "data", "--json"]).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")["hashes"].clone()
    };

    let address = hashes(["--address", "Ada@Example.com"]);
    let states = |hashes: &Value| [hashes[0]["state"].clone(), hashes[1]["state"].clone()];
    assert_eq!(states(&address), ["pending", "current"]);
    assert_ne!(address[0]["hash"], address[1]["hash"]);
    assert_eq!(address, hashes(["--address", "ada@example.com"]));
    assert_eq!(hashes(["--source", "2001:db8::1"]), hashes(["--source", "2001:db8::2"]));
}
