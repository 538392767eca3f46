//! `gatepost tasks`.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use stage::{BOB, PASSWORD, Stage, Tokens, id, subject};

use local::{
    Request, Stack,
    calls::{Call, Fate, Refusal},
};

use crate::operated::{Folder, Said, now};

const EMAIL: &str = "ada@example.com";

fn tasks(folder: &Folder, arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command
        .current_dir(folder.0.path())
        .arg("tasks")
        .args(arguments)
        .args(["--data", "data"])
        .stdin(Stdio::null());
    let output = command.output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said { code: output.status.code(), text: text(output.stdout), complaint: text(output.stderr) }
}

fn document(said: &Said) -> Value {
    serde_json::from_str(&said.text).expect("JSON")
}

/// Registers a user and requests their deletion. Returns the name of the task.
async fn leaving(stage: &Stage) -> String {
    let id = stage.registered(EMAIL).await["id"].as_str().expect("an id").to_owned();
    let access = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body).access;
    let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
    stage.send(delete.bearer(&access)).await.expect(204);
    format!("erase-users/{id}")
}

#[tokio::test]
async fn recurring_tasks_are_listed_with_their_last_run() {
    let folder = Folder::new();
    {
        let system = folder.system(Duration::from_mins(3));
        for task in ["erase-users", "sweep-events"] {
            system.0.stack.run_schedule(task).await.expect("a run");
        }
    }

    let said = tasks(&folder, &["list", "--json"]);

    assert_eq!(said.code, Some(0), "{}", said.complaint);
    let listed = document(&said);
    let of = |task: &str| {
        let all = listed["recurring"].as_array().expect("tasks");
        all.iter().find(|found| found["task"] == task).expect("the task").clone()
    };
    assert_eq!(listed["recurring"].as_array().map(Vec::len), Some(4));
    assert_eq!(of("erase-users")["schedule"], "rate(5 minutes)");
    assert!(of("erase-users")["succeeded_at"].is_string() && of("erase-users")["failed"].is_null());
    assert_eq!(of("write-digest")["schedule"], "cron(0 6 * * ? *)");
    assert!(of("rotate-keys")["began_at"].is_null(), "it has not run yet");
    assert!(tasks(&folder, &["status", "rotate-keys"]).text.contains("has not run yet"));
    assert!(tasks(&folder, &["status", "sweep-events"]).text.contains("rate(1 minute): succeeded 3 min ago"));
}

#[tokio::test]
async fn a_failed_run_is_a_finding_until_one_succeeds() {
    let folder = Folder::new();
    let is_broken = |call: &Call| call.function == "erase-users" && call.operation == "Query";
    {
        let system = folder.system(Duration::from_hours(2));
        system.0.stack.run_schedule("erase-users").await.expect("a run");
    }
    {
        let refuse = move |call: &Call| {
            if is_broken(call) { Fate::Refused(Refusal::ACCESS_DENIED) } else { Fate::Proceed }
        };
        let setup = Stack::folder(folder.0.data()).watched_by(refuse);
        let stage = Stage::at(setup, now().minus(Duration::from_mins(4)));
        assert!(stage.stack.run_schedule("erase-users").await.is_err());
    }

    let failed = tasks(&folder, &["status", "erase-users"]);

    assert_eq!(failed.code, Some(3), "{}", failed.complaint);
    let expected = "rate(5 minutes): failed 4 min ago: the table does not answer; succeeded 2 h 0 min ago";
    assert_eq!(failed.text.trim(), expected);
    assert_eq!(tasks(&folder, &["list"]).code, Some(3));

    folder.system(Duration::ZERO).0.stack.run_schedule("erase-users").await.expect("a run");
    assert_eq!(tasks(&folder, &["list"]).code, Some(0));
}

#[tokio::test]
async fn scheduled_erasures_are_listed_and_can_be_canceled() {
    let folder = Folder::new();
    let task = leaving(&folder.system(Duration::ZERO).0).await;

    let listed = document(&tasks(&folder, &["list", "--json"]));
    assert_eq!(listed["waiting"][0]["task"], *task);
    let at = listed["waiting"][0]["at"].as_str().expect("a moment").to_owned();
    assert!(tasks(&folder, &["status", &task]).text.contains(&at));
    assert_eq!(tasks(&folder, &["cancel", &task]).code, Some(4), "not confirmed");
    let would = tasks(&folder, &["cancel", &task, "--dry-run"]);
    assert_eq!((would.code, would.text.trim()), (Some(0), &*format!("would cancel {task}")));
    assert_eq!(document(&tasks(&folder, &["list", "--json"]))["waiting"].as_array().map(Vec::len), Some(1));

    let canceled = tasks(&folder, &["cancel", &task, "--yes"]);

    assert_eq!(canceled.text.trim(), format!("canceled {task}"), "{}", canceled.complaint);
    assert_eq!(tasks(&folder, &["cancel", &task, "--yes"]).code, Some(1), "it is no longer pending");
    assert_eq!(document(&tasks(&folder, &["list", "--json"]))["waiting"], json!([]));
    let system = folder.system(Duration::ZERO);
    system.0.stack.run_schedule("erase-users").await.expect("a run");
    system.0.log_in(EMAIL).await.expect(201);
    let subject = task.replace("erase-users/", "user#");
    let events = system.0.events_of(&subject).await;
    assert!(events.contains(&"user.deletion-canceled".to_owned()), "{events:?}");
}

#[tokio::test]
async fn canceling_a_deletion_restores_the_suspension_and_names_the_operator() {
    let folder = Folder::new();
    let user = {
        let stage = folder.system(Duration::ZERO).0;
        let (admin, user) = stage.ada_and_bob().await;
        stage.suspend(&admin.access, &user).await.expect(200);
        stage.delete_user(&admin.access, &user).await.expect(204);
        user
    };

    let canceled = tasks(&folder, &["cancel", &format!("erase-users/{}", id(&user)), "--yes"]);

    assert_eq!(canceled.code, Some(0), "{}", canceled.complaint);
    let stage = folder.system(Duration::ZERO).0;
    stage.log_in(BOB).await.expect(403);
    stage.settle().await;
    let last = stage.stack.events().pop().expect("an event").detail;
    assert_eq!((&last["type"], &last["actor"]), (&json!("user.deletion-canceled"), &json!("operator")));
    assert_eq!((&last["subject"], &last["data"]), (&json!(subject(&user)), &json!({"status": "suspended"})));
}

#[tokio::test]
async fn due_recurring_and_unknown_tasks_cannot_be_canceled() {
    let folder = Folder::new();
    // The grace period has passed.
    let task = leaving(&folder.system(Duration::from_hours(24 * 8)).0).await;

    for (task, why) in [
        (task.as_str(), "is due and can no longer be canceled"),
        ("rotate-keys", "is a recurring task and cannot be canceled"),
        ("erase-users/nobody", "unknown task"),
        ("erase-users/01a1fc0b-e380-7334-a113-995cf691811f", "unknown task"),
        ("nothing", "unknown task"),
    ] {
        let said = tasks(&folder, &["cancel", task, "--yes"]);
        assert_eq!(said.code, Some(1), "{task}");
        assert!(said.complaint.contains(why), "{}", said.complaint);
    }
}
