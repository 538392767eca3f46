//! `gatepost doctor` on data folders with one defect each.

use std::{fs, os::unix::fs::PermissionsExt, process::Command, time::Duration};

use local::{
    Stack,
    calls::{Call, Fate, Refusal},
};
use rusqlite::Connection;
use serde_json::{Value, json};
use stage::Stage;

use crate::operated::{Folder, now};

/// The findings of the doctor.
struct Found {
    code: Option<i32>,
    document: Value,
}

fn doctor(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command.current_dir(folder.0.path()).arg("doctor").args(["--data", "data"]).args(arguments);
    command
}

fn found(folder: &Folder, arguments: &[&str]) -> Found {
    let output = doctor(folder, arguments).arg("--json").output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let document = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text} {complaint}"));
    Found { code: output.status.code(), document }
}

impl Found {
    /// Returns the names of the checks with this severity.
    fn named(&self, severity: &str) -> Vec<&str> {
        let checks = self.document["checks"].as_array().expect("checks").iter();
        let bad = checks.filter(|check| check["severity"] == severity);
        bad.map(|check| check["name"].as_str().expect("a name")).collect()
    }

    /// Checks that each problem has a remedy and a page.
    fn is_explained(&self) -> bool {
        let checks = self.document["checks"].as_array().expect("checks").iter();
        let mut bad = checks.filter(|check| check["severity"] != "ok");
        bad.all(|check| {
            let page = check["guide"].as_str().unwrap_or_default().split('#').next().unwrap_or_default();
            let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../").to_owned() + page;
            check["remedy"].as_str().is_some_and(|remedy| remedy.len() > 20)
                && fs::exists(guide).unwrap_or(false)
        })
    }
}

/// Creates a folder with a registered user, as `gatepost dev` leaves it.
async fn used() -> Folder {
    let folder = Folder::new();
    folder.system(Duration::ZERO).user("ada@example.com").await;
    folder
}

fn alter(folder: &Folder, sql: &str) {
    let database = Connection::open(folder.0.data().join("gatepost.db")).expect("the database");
    let changed = database.execute(sql, ()).expect("altered");
    assert_eq!(changed, 1, "{sql}");
}

#[tokio::test]
async fn all_checks_of_a_used_folder_pass_and_are_named() {
    let folder = used().await;

    let all = found(&folder, &[]);

    assert_eq!(all.code, Some(0), "{}", all.document);
    assert_eq!((&all.document["errors"], &all.document["warnings"]), (&0.into(), &0.into()));
    let well = all.named("ok");
    for name in [
        "function log-in",
        "table Identities: keys",
        "table Events: index due",
        "table Events: stream",
        "table Identities: time to live",
        "keys secret",
        "credentials secret",
        "secrets of keys and peppers",
        "the round trip of a token",
        "one password hash, on this machine",
        "clock",
        "the round trip of an event",
        "queue MailDeadLetters: messages",
    ] {
        assert!(well.contains(&name), "{name} is not in {well:?}");
    }
}

#[tokio::test]
async fn a_key_of_another_algorithm_passes() {
    let folder = used().await;
    let mut keys = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    keys.current_dir(folder.0.path()).args(["keys", "revoke-all", "--token-algorithm", "RS384", "--yes"]);
    assert!(keys.args(["--data", "data"]).status().expect("it runs").success());

    let output = doctor(&folder, &["--verbose"]).output().expect("it runs");

    let said = String::from_utf8(output.stdout).expect("text");
    assert!(said.contains("the round trip of a token: verified, by RS384, of "), "{said}");
}

#[tokio::test]
async fn the_text_has_problems_and_with_verbose_also_passed_checks() {
    let folder = used().await;
    let said = |arguments: &[&str]| {
        let output = doctor(&folder, arguments).output().expect("it runs");
        String::from_utf8(output.stdout).expect("text")
    };

    let (short, long) = (said(&[]), said(&["--verbose"]));

    assert!(short.ends_with("checks: 0 errors, 0 warnings\n") && short.lines().count() == 1, "{short}");
    assert!(long.contains("ok       table Events: keys: stream (S), seq (N)\n"), "{long}");
}

#[tokio::test]
async fn a_table_that_differs_from_the_template_is_found() {
    for (sql, names) in [
        (
            "UPDATE _tables SET stream_enabled = 0 WHERE table_name = 'Events'",
            &["table Events: stream", "the round trip of an event"][..],
        ),
        (
            "UPDATE _tables SET ttl_enabled = 0, ttl_attribute = NULL WHERE table_name = 'Identities'",
            &["table Identities: time to live"],
        ),
        (
            "UPDATE _tables SET gsi_definitions = replace(gsi_definitions, 'created_at', 'attempts') WHERE table_name = 'Events'",
            &["table Events: index due"],
        ),
        (
            "UPDATE _tables SET attribute_definitions = replace(attribute_definitions, '\"N\"', '\"S\"') WHERE table_name = 'Events'",
            &["table Events: keys"],
        ),
    ] {
        let folder = used().await;
        alter(&folder, sql);

        let found = found(&folder, &[]);

        let errors = found.named("error");
        assert!(names.iter().all(|name| errors.contains(name)), "{sql}: {errors:?}");
        assert_eq!(found.code, Some(5));
        assert!(found.is_explained(), "{}", found.document);
    }
}

#[tokio::test]
async fn a_lost_or_readable_secret_is_found() {
    let folder = used().await;
    let [keys, secret] = ["secret.json", "credentials.json"].map(|name| folder.0.data().join(name));
    let good = fs::read(&keys).expect("readable");

    fs::write(&keys, r#"{"previous":[]}"#).expect("written");
    let lost_keys = found(&folder, &[]);
    assert_eq!((lost_keys.named("error"), lost_keys.code), (vec!["keys secret"], Some(5)));
    fs::write(&keys, good).expect("written");
    fs::write(&secret, "{}").expect("written");
    let lost = found(&folder, &[]);
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).expect("permitted");
    let readable = found(&folder, &[]);

    assert_eq!((lost.named("error"), lost.code), (vec!["credentials secret"], Some(5)));
    assert_eq!((readable.named("error"), readable.code), (vec!["data folder"], Some(5)));
    assert!(lost.is_explained() && readable.is_explained());
}

#[tokio::test]
async fn foreign_published_keys_are_found() {
    let folder = Folder::new();
    let system = folder.system(Duration::ZERO);
    system.user("ada@example.com").await;
    system.0.log_in("ada@example.com").await.expect(201);
    let stack = &system.0.stack;
    let query = json!({
        "TableName": "Identities", "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "KEYS"}},
    });
    let mut key = stack.dynamodb("Query", &query).expect("an answer")["Items"][0].take();
    let mut jwk: Value = serde_json::from_str(key["jwk"]["S"].as_str().expect("a key")).expect("a JWK");
    // The key of RFC 7515, appendix A.3.
    jwk["x"] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU".into();
    jwk["y"] = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0".into();
    key["jwk"]["S"] = jwk.to_string().into();
    stack.dynamodb("PutItem", &json!({"TableName": "Identities", "Item": key})).expect("put");
    drop(system);

    let found = found(&folder, &[]);

    assert_eq!((found.named("error"), found.code), (vec!["the round trip of a token"], Some(5)));
    assert!(found.document.to_string().contains("the access token is invalid"), "{}", found.document);
}

#[tokio::test]
async fn a_canary_that_the_relay_does_not_get_is_missing() {
    let folder = used().await;
    // The stream drops its records immediately.
    let forget =
        "CREATE TRIGGER forget AFTER INSERT ON _stream_records BEGIN DELETE FROM _stream_records; END";
    let database = Connection::open(folder.0.data().join("gatepost.db")).expect("the database");
    database.execute_batch(forget).expect("a trigger");
    drop(database);

    let found = found(&folder, &[]);

    assert_eq!((found.named("error"), found.code), (vec!["the round trip of an event"], Some(5)));
    assert!(found.is_explained() && found.document.to_string().contains("the canary did not come back"));
}

#[tokio::test]
async fn an_unusable_parameter_is_found_before_the_deployment() {
    let folder = used().await;
    let lenient = ["--parameter", "PasswordPolicy=lenient", "--parameter", "Issuer=https://id.example.com"];

    let refused = found(&folder, &lenient);

    assert!(refused.named("error").contains(&"function register"), "{}", refused.document);
    assert!(refused.is_explained());
    assert!(refused.document.to_string().contains("the setting PASSWORD_POLICY"), "{}", refused.document);
}

#[tokio::test]
async fn unsent_mails_are_a_warning() {
    let folder = Folder::new();
    let refuse = |call: &Call| match call.service {
        "ses" => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => Fate::Proceed,
    };
    let stage = Stage::at(Stack::folder(folder.0.data()).watched_by(refuse), now());
    stage.register("ada@example.com").await.expect(202);
    stage.settle().await;
    drop(stage);

    let found = found(&folder, &[]);

    assert_eq!(found.named("warning"), ["queue MailDeadLetters: messages"], "{}", found.document);
    assert_eq!(found.code, Some(3));
    assert!(found.is_explained());
}

#[tokio::test]
async fn a_clock_that_is_behind_is_found() {
    let folder = Folder::new();
    let stage = Stage::at(Stack::folder(folder.0.data()), now().plus(Duration::from_hours(2)));
    stage.registered("ada@example.com").await;
    stage.settle().await;
    drop(stage);

    let found = found(&folder, &[]);

    assert_eq!(found.named("error"), ["clock"]);
    assert!(found.is_explained());
}

#[tokio::test]
async fn without_a_system_nothing_is_checked() {
    let empty = Folder::new();
    let used = used().await;
    let system = used.system(Duration::ZERO);

    let nothing = doctor(&empty, &[]).output().expect("it runs");
    let busy = doctor(&used, &[]).output().expect("it runs");
    drop(system);

    for (output, sentence) in [(nothing, "found no data in"), (busy, "is used by another process")] {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(sentence), "{said}");
        assert_eq!(said.lines().count(), 1);
    }
}
