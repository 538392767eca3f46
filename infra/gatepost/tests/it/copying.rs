//! `gatepost data copy`: a system is copied to another place, lost, and copied back.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use local::Stack;
use serde_json::{Value, json};
use stage::{Stage, Tokens};
use store::{Added, CopyError, Kind, Table, WholeTables};

use crate::{
    operated::{Said, now},
    process::Scratch,
};

/// Creates the command `gatepost data` with these arguments in this folder.
fn command(scratch: &Scratch, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command.current_dir(scratch.path()).arg("data").args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn data(scratch: &Scratch, arguments: &[&str]) -> Said {
    let output = command(scratch, arguments).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Said { code: output.status.code(), text: text(output.stdout), complaint: text(output.stderr) }
}

pub(crate) fn copy(scratch: &Scratch, from: &str, to: &str) -> Said {
    data(scratch, &["copy", "--from", from, "--to", to])
}

/// Returns the result of `data check` for a place.
pub(crate) fn checked(scratch: &Scratch, place: &str) -> Value {
    let said = data(scratch, &["check", place, "--json"]);
    assert_eq!(said.code, Some(0), "{}", said.complaint);
    serde_json::from_str(&said.text).expect("JSON")
}

/// Opens the system in a folder, with a clock that is behind.
fn system(folder: &Path, ago: Duration) -> Stage {
    let setup = Stack::folder(folder).with_parameter("LogInAttemptsPerIp", "100000");
    Stage::at(setup, now().minus(ago))
}

/// Creates a system with a signed-in user, in which all events but the last are published.
async fn lived_in(scratch: &Scratch) -> Tokens {
    let stage = system(&scratch.data(), Duration::ZERO);
    stage.signed_in("ada@example.com").await;
    stage.settle().await;
    Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body)
}

pub(crate) fn bring_secrets(scratch: &Scratch, to: &str) {
    fs::create_dir_all(scratch.path().join(to)).expect("a folder");
    for secret in ["secret.json", "credentials.json"] {
        fs::copy(scratch.data().join(secret), scratch.path().join(to).join(secret)).expect("copied");
    }
}

fn published(stage: &Stage) -> Vec<String> {
    stage
        .stack
        .events()
        .into_iter()
        .filter(|event| event.source == "gatepost")
        .map(|event| event.detail_type)
        .collect()
}

#[tokio::test]
async fn a_lost_system_is_restored_from_its_file() {
    let scratch = Scratch::new();
    let tokens = lived_in(&scratch).await;
    let said = copy(&scratch, "folder:data", "ndjson:backup.ndjson");
    assert_eq!(said.code, Some(0), "{} {}", said.text, said.complaint);
    let before = checked(&scratch, "folder:data");
    bring_secrets(&scratch, "new");
    fs::remove_dir_all(scratch.data()).expect("lost");

    let said = copy(&scratch, "ndjson:backup.ndjson", "folder:new");

    assert_eq!(said.code, Some(0), "{} {}", said.text, said.complaint);
    assert_eq!(checked(&scratch, "folder:new"), before);
    assert_eq!(checked(&scratch, "ndjson:backup.ndjson"), before);
    let stage = system(&scratch.path().join("new"), Duration::ZERO);
    stage.settle().await;
    assert_eq!(published(&stage), ["session.started"], "the pending event, once, and no published one");
    stage.settle().await;
    assert_eq!(published(&stage).len(), 1);
    stage.refresh(&tokens.refresh).await.expect(200);
    stage.log_in("ada@example.com").await.expect(201);
    let history = stage.get("/v1/me/events", &tokens.access).await.expect(200);
    assert_eq!(history.body["items"].as_array().map(Vec::len), Some(4), "{}", history.body);
}

#[tokio::test]
async fn a_file_is_readable_by_its_owner_only_and_overwrites_nothing() {
    let scratch = Scratch::new();
    lived_in(&scratch).await;

    let said = copy(&scratch, "folder:data", "ndjson:backup.ndjson");

    assert!(said.text.ends_with("the file holds password hashes, keep it as a secret\n"), "{}", said.text);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(scratch.path().join("backup.ndjson")).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = copy(&scratch, "folder:data", "ndjson:backup.ndjson");
    assert_eq!(again.code, Some(1));
    assert!(again.complaint.contains("backup.ndjson already exists"), "{}", again.complaint);
}

#[tokio::test]
async fn internal_items_of_the_running_system_are_not_copied() {
    let scratch = Scratch::new();
    lived_in(&scratch).await;
    {
        let stage = system(&scratch.data(), Duration::ZERO);
        for task in ["sweep-events", "write-digest"] {
            stage.stack.run_schedule(task).await.expect("a run");
        }
    }

    copy(&scratch, "folder:data", "ndjson:backup.ndjson");

    let text = fs::read_to_string(scratch.path().join("backup.ndjson")).expect("a file");
    for machinery in ["\"KEYS\"", "\"DIGEST\"", "canary#", "lease#", "task#", "digest#"] {
        assert!(!text.contains(machinery), "{machinery}");
    }
    assert!(text.contains("\"SESSION#") && text.contains("\"EMAIL#ada@example.com\""));
}

#[tokio::test]
async fn a_damaged_file_is_refused_by_line_and_nothing_is_written() {
    let scratch = Scratch::new();
    lived_in(&scratch).await;
    copy(&scratch, "folder:data", "ndjson:whole.ndjson");
    let whole = fs::read_to_string(scratch.path().join("whole.ndjson")).expect("a file");
    let lines: Vec<&str> = whole.lines().collect();
    let credential = lines.iter().position(|line| line.contains("CREDENTIAL")).expect("a credential");
    let (last, at) = (lines.len(), credential + 1);
    let joined = |lines: &[&str]| lines.join("\n") + "\n";
    let without = |index: usize| joined(&[&lines[..index], &lines[index + 1..]].concat());

    for (spoiled, said) in [
        (whole.replace("\"EMAIL#ada", "\"EMAIL#bda"), format!("line {at}: has a wrong checksum")),
        (joined(&lines[..last - 1]), format!("line {last}: is missing: the file is truncated")),
        (whole[..whole.len() - 1].to_owned(), format!("line {last}: is incomplete")),
        (whole[..whole.len() / 2].to_owned(), "is incomplete: the file is truncated".to_owned()),
        (without(credential), format!("line {}: does not match the items", last - 1)),
        (whole.clone() + "{}\n", format!("line {}: comes after the end", last + 1)),
        (without(0), "line 1: is not the first line".to_owned()),
        (whole.replace("\"version\":1}", "\"version\":2}"), "line 1: has a version".to_owned()),
        (whole.replacen("{\"S\":", "{\"X\":", 1), "line 2: is not an item".to_owned()),
    ] {
        fs::write(scratch.path().join("spoiled.ndjson"), spoiled).expect("written");
        let refused = copy(&scratch, "ndjson:spoiled.ndjson", "folder:new");
        assert_eq!(refused.code, Some(1), "{said}: {}", refused.text);
        assert!(refused.complaint.contains(&said), "{said}: {}", refused.complaint);
        assert!(!refused.complaint.contains("ada@"), "{}", refused.complaint);
    }
    assert!(!scratch.path().join("new").exists());
}

#[tokio::test]
async fn a_place_with_other_data_is_refused() {
    let scratch = Scratch::new();
    lived_in(&scratch).await;
    let other = scratch.path().join("other");
    system(&other, Duration::ZERO).registered("eve@example.com").await;
    let before = checked(&scratch, "folder:other");

    let refused = copy(&scratch, "folder:data", "folder:other");

    assert_eq!(refused.code, Some(1), "{}", refused.text);
    assert!(refused.complaint.contains("there is other data in it already"), "{}", refused.complaint);
    assert_eq!(checked(&scratch, "folder:other"), before);
    assert_eq!(copy(&scratch, "folder:data", "folder:new").code, Some(0));
    let again = copy(&scratch, "folder:data", "folder:new");
    assert!(
        again.complaint.contains("there is other data in it already"),
        "it is a system now: {}",
        again.complaint
    );
    let nowhere = copy(&scratch, "folder:none", "folder:elsewhere");
    assert!(nowhere.complaint.contains("found no data in none"), "{}", nowhere.complaint);
    assert_eq!(copy(&scratch, "data", "folder:elsewhere").code, Some(2));
    assert_eq!(copy(&scratch, "tables:one", "folder:elsewhere").code, Some(2));
    let same = copy(&scratch, "folder:data", "folder:data");
    assert!(same.complaint.contains("is used by another process"), "{}", same.complaint);
}

#[tokio::test]
async fn a_differing_copy_is_reported_before_it_has_side_effects() {
    let scratch = Scratch::new();
    lived_in(&scratch).await;
    let stage = system(&scratch.path().join("new"), Duration::ZERO);
    let source = format!("folder:{}", scratch.data().canonicalize().expect("a path").display());
    tables(&stage).begin(&source, "killed", now()).await.expect("empty");
    stage.registered("eve@example.com").await;
    stage.settle().await;
    drop(stage);

    let said = copy(&scratch, "folder:data", "folder:new");

    assert_eq!(said.code, Some(3), "{} {}", said.text, said.complaint);
    assert!(
        said.text.contains("the copy is not the same") && said.text.contains("Identities: "),
        "{}",
        said.text
    );
    let stage = system(&scratch.path().join("new"), Duration::ZERO);
    let page = tables(&stage).items(Table::Events, (0, 1), None).await.expect("a page");
    assert!(page.items.len() > 3 && page.items.iter().all(|event| event.kind() == Kind::Quiet));
}

#[tokio::test]
async fn a_dry_run_prints_counts_and_writes_nothing() {
    let scratch = Scratch::new();
    lived_in(&scratch).await;

    let said = data(&scratch, &["copy", "--from", "folder:data", "--to", "folder:new", "--dry-run"]);

    assert_eq!(said.code, Some(0), "{}", said.complaint);
    assert!(said.text.starts_with("would copy "), "{}", said.text);
    assert!(!scratch.path().join("new").exists());
}

#[tokio::test]
async fn a_killed_copy_continues_and_is_complete() {
    const PEOPLE: usize = 1_000;
    let scratch = Scratch::new();
    lived_in(&scratch).await;
    let line = |number: usize| {
        json!({"email": format!("user{number}@example.com"), "email_verified": true}).to_string()
    };
    let lines: Vec<String> = (0..PEOPLE).map(line).collect();
    fs::write(scratch.path().join("people.ndjson"), lines.join("\n")).expect("written");
    let mut import = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    import.current_dir(scratch.path()).args(["users", "import", "people.ndjson", "--data", "data"]);
    let imported = import.output().expect("it runs");
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let before = checked(&scratch, "folder:data");

    let size = || fs::metadata(scratch.path().join("new/gatepost.db")).map_or(0, |file| file.len());
    for more in [100_000, 500_000, 500_000] {
        let enough = size() + more;
        let mut copying = command(&scratch, &["copy", "--from", "folder:data", "--to", "folder:new"]);
        let mut child = copying.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
        while size() < enough {
            assert_eq!(child.try_wait().expect("a process"), None, "it ended before it could be killed");
            thread::sleep(Duration::from_millis(1));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
    let said = data(&scratch, &["copy", "--from", "folder:data", "--to", "folder:new", "--json"]);

    assert_eq!(said.code, Some(0), "{} {}", said.text, said.complaint);
    let document: Value = serde_json::from_str(&said.text).expect("JSON");
    assert!(document["already_there"].as_u64() > Some(0), "it continued: {document}");
    assert_eq!(checked(&scratch, "folder:new"), before);
}

#[tokio::test]
async fn a_killed_copy_to_a_file_starts_again_and_is_complete() {
    let scratch = Scratch::new();
    lived_in(&scratch).await;
    let torn = scratch.path().join("backup.ndjson.unfinished");
    fs::write(&torn, "x".repeat(1_000_000)).expect("written");

    assert_eq!(copy(&scratch, "folder:data", "ndjson:backup.ndjson").code, Some(0));

    assert_eq!(checked(&scratch, "ndjson:backup.ndjson"), checked(&scratch, "folder:data"));
    assert!(!torn.exists());
    fs::File::create(&torn).expect("made").try_lock().expect("locked");
    let held = fs::File::open(&torn).expect("there");
    held.try_lock().expect("free again");
    let meanwhile = copy(&scratch, "folder:data", "ndjson:other.ndjson");
    assert_eq!(meanwhile.code, Some(0), "another file: {}", meanwhile.complaint);
    fs::remove_file(scratch.path().join("backup.ndjson")).expect("removed");
    let meanwhile = copy(&scratch, "folder:data", "ndjson:backup.ndjson");
    assert!(meanwhile.complaint.contains("is being written by another copy"), "{}", meanwhile.complaint);
}

/// Opens the tables of a system in memory.
fn tables(stage: &Stage) -> WholeTables {
    WholeTables::new(&stage.stack.cloud("erase-users").expect("its cloud")).expect("its settings")
}

#[tokio::test]
async fn the_later_of_two_equal_copies_continues_and_other_copies_are_refused() {
    let stage = Stage::new();
    let (to, now) = (tables(&stage), now());

    let first = to.begin("folder:a", "first", now).await.expect("empty");
    let second = to.begin("folder:a", "second", now).await.expect("the same");
    let other = to.begin("folder:b", "third", now).await;

    assert!(matches!(other, Err(CopyError::OtherCopy(source)) if source == "folder:a"));
    assert!(!to.goes_on(&first).await.expect("an answer"));
    assert!(to.goes_on(&second).await.expect("an answer"));
    to.prove(&first, now).await.expect_err("taken over");
    to.end(&first).await.expect_err("taken over");
    to.prove(&second, now).await.expect("its own");
    assert!(to.begin("folder:a", "fourth", now).await.expect("the same").is_proven);
}

#[tokio::test]
async fn existing_items_stay() {
    let (from, to) = (Stage::new(), Stage::new());
    from.registered("ada@example.com").await;
    let page = tables(&from).items(Table::Identities, (0, 1), None).await.expect("a page");
    let user = page.items.into_iter().find(|item| item.partition().starts_with("USER#")).expect("a user");
    assert_eq!(tables(&to).add(&user).await.expect("an answer"), Added::New);
    assert_eq!(tables(&to).add(&user).await.expect("an answer"), Added::Same);
    let client = Client::new(to.stack.cloud("register").expect("its cloud").sdk());
    let update = client.update_item().table_name("Identities").key("pk", AttributeValue::S(user.partition()));
    let update = update.key("sk", AttributeValue::S("USER".to_owned())).update_expression("SET version = :v");
    update
        .expression_attribute_values(":v", AttributeValue::N("7".to_owned()))
        .send()
        .await
        .expect("changed");

    assert_eq!(tables(&to).add(&user).await.expect("an answer"), Added::Other);

    let page = tables(&to).items(Table::Identities, (0, 1), None).await.expect("a page");
    let kept = page.items.into_iter().find(|item| item.partition() == user.partition()).expect("a user");
    assert_ne!(kept.digest(), user.digest());
}
