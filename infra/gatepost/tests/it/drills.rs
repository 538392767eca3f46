//! Disasters, rehearsed as in `docs/operate/backup.md`: a restore of an earlier time, and a lost secret.

use std::{fs, path::Path, time::Duration};

use local::{Request, Stack};
use serde_json::{Value, json};
use stage::{PASSWORD, Stage, Tokens};

use crate::{
    copying::{bring_secrets, copy, data},
    moved::THEIR_PASSWORD,
    operated::now,
    process::Scratch,
};

fn system(folder: &Path, epoch: &str) -> Stage {
    Stage::at(Stack::folder(folder).with_parameter("EventEpoch", epoch), now())
}

/// Returns the published events of a subject, each with its epoch.
fn published(stage: &Stage, subject: &str) -> Vec<(String, u64)> {
    let events = stage.stack.events().into_iter().filter(|event| event.detail["subject"] == subject);
    events.map(|event| (event.detail_type, event.detail["epoch"].as_u64().expect("an epoch"))).collect()
}

fn subject(tokens: &Tokens) -> String {
    format!("user#{}", tokens.claims()["sub"].as_str().expect("an id"))
}

/// The state before and after the backup.
struct Past {
    scratch: Scratch,
    ada: Tokens,
    ada_afterwards: Tokens,
    eve: Tokens,
    link: String,
}

/// Prepares the drill: Ada and Eve are signed in, and Ada has a reset link. After the backup, Ada uses the
/// link, and Eve is erased.
async fn past() -> Past {
    let scratch = Scratch::new();
    let stage = system(&scratch.data(), "1");
    let (ada, eve) = (stage.signed_in("ada@example.com").await, stage.signed_in("eve@example.com").await);
    let link = stage.reset_link("ada@example.com").await;
    // The event is pending in the backup, with personal data.
    let change = Request::new("PATCH", "/v1/me").json(&json!({"first_name": "Eve"})).bearer(&eve.access);
    stage.send(change).await.expect(200);
    drop(stage);
    assert_eq!(copy(&scratch, "folder:data", "ndjson:backup.ndjson").code, Some(0));

    let stage = system(&scratch.data(), "1");
    stage.reset(&link, THEIR_PASSWORD).await.expect(204);
    let ada_afterwards =
        Tokens::of(&stage.log_in_with("ada@example.com", THEIR_PASSWORD).await.expect(201).body);
    let leave = Request::delete("/v1/me").json(&json!({"password": PASSWORD})).bearer(&eve.access);
    stage.send(leave).await.expect(204);
    stage.pass(Duration::from_hours(24 * 8));
    stage.stack.run_schedule("erase-users").await.expect("erased");
    drop(stage);
    Past { scratch, ada, ada_afterwards, eve, link }
}

#[tokio::test]
async fn after_a_restore_all_sessions_end_and_erased_users_are_erased_again() {
    let Past { scratch, ada, ada_afterwards, eve, link } = past().await;
    let erased = data(&scratch, &["list-erased", "folder:data"]);
    assert_eq!(format!("user#{}", erased.text.trim()), subject(&eve));
    fs::write(scratch.path().join("erased.txt"), erased.text).expect("written");
    bring_secrets(&scratch, "restored");
    assert_eq!(copy(&scratch, "ndjson:backup.ndjson", "folder:restored").code, Some(0));

    let restore = ["finish-restore", "folder:restored", "--event-epoch", "2", "--erased", "erased.txt"];
    assert_eq!(data(&scratch, &restore).code, Some(4), "not confirmed");
    let said = data(&scratch, &[&restore[..], &["--yes"]].concat());

    assert_eq!(said.text, "ended all sessions of 1 users, erased 1 of 1 again\n", "{}", said.complaint);
    let again = data(&scratch, &[&restore[..], &["--yes"]].concat());
    assert_eq!(again.text, "ended all sessions of 0 users, erased 0 of 1 again\n", "{}", again.complaint);
    let stage = system(&scratch.path().join("restored"), "2");
    // The relay reads events that are older than a minute, as those of every backup are.
    stage.pass(Duration::from_mins(2));
    for tokens in [&ada, &ada_afterwards, &eve] {
        stage.refresh(&tokens.refresh).await.expect(401);
    }
    stage.reset(&link, THEIR_PASSWORD).await.expect(400);
    stage.log_in_with("ada@example.com", THEIR_PASSWORD).await.expect(401);
    stage.log_in("eve@example.com").await.expect(401);
    // Later changes are lost, so the old password is valid again.
    stage.log_in("ada@example.com").await.expect(201);
    stage.settle().await;
    let of_ada = [("user.restored".to_owned(), 2), ("session.started".to_owned(), 2)];
    assert_eq!(published(&stage, &subject(&ada)), of_ada);
    let of_eve = published(&stage, &subject(&eve));
    assert_eq!(of_eve.last(), Some(&("user.erased".to_owned(), 2)));
    assert_eq!(of_eve.first(), Some(&("user.updated".to_owned(), 1)), "without the person:");
    let details: Vec<Value> = stage.stack.events().into_iter().map(|event| event.detail).collect();
    assert!(!json!(details).to_string().contains("eve@example.com"));
    stage.registered("eve@example.com").await;
}

#[tokio::test]
async fn a_used_event_epoch_is_refused() {
    let Past { scratch, ada, .. } = past().await;
    bring_secrets(&scratch, "restored");
    assert_eq!(copy(&scratch, "ndjson:backup.ndjson", "folder:restored").code, Some(0));
    let restore = ["finish-restore", "folder:restored", "--yes", "--event-epoch"];
    assert_eq!(data(&scratch, &[&restore[..], &["1"]].concat()).code, Some(2));
    assert_eq!(data(&scratch, &[&restore[..], &["2"]].concat()).code, Some(0));
    let stage = system(&scratch.path().join("restored"), "2");
    let tokens = Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body);
    drop(stage);

    let refused = data(&scratch, &[&restore[..], &["2"]].concat());

    assert_eq!(refused.code, Some(1));
    assert!(refused.complaint.contains("events with epoch 2 or later exist"), "{}", refused.complaint);
    assert_eq!(data(&scratch, &[&restore[..], &["3"]].concat()).code, Some(0), "restored again");
    let stage = system(&scratch.path().join("restored"), "3");
    stage.refresh(&tokens.refresh).await.expect(401);
    stage.settle().await;
    let last = published(&stage, &subject(&ada)).pop();
    assert_eq!(last, Some(("user.restored".to_owned(), 3)));
}

#[tokio::test]
async fn unusable_restores_are_reported_in_one_sentence() {
    let scratch = Scratch::new();
    drop(system(&scratch.data(), "1"));
    fs::write(scratch.path().join("erased.txt"), "\nsomebody\n").expect("written");
    for (place, erased, said) in [
        ("ndjson:none", None, "a file cannot be changed"),
        ("folder:none", None, "found no data in none"),
        ("folder:data", Some("erased.txt"), "erased.txt, line 2: not the id of a user"),
        ("folder:data", Some("none.txt"), "none.txt: "),
    ] {
        let erased = erased.map(|file| vec!["--erased", file]).unwrap_or_default();
        let refused = data(
            &scratch,
            &[&["finish-restore", place, "--event-epoch", "2", "--yes"][..], &erased].concat(),
        );
        assert_eq!(refused.code, Some(1), "{place}");
        assert!(refused.complaint.contains(said), "{}", refused.complaint);
    }
}

#[tokio::test]
async fn without_the_secret_all_users_choose_a_new_password_by_mail() {
    let scratch = Scratch::new();
    let stage = system(&scratch.data(), "1");
    let tokens = stage.signed_in("ada@example.com").await;
    stage.settle().await;
    drop(stage);
    assert_eq!(copy(&scratch, "folder:data", "folder:restored").code, Some(0));

    let stage = system(&scratch.path().join("restored"), "1");

    assert_ne!(stage.refresh(&tokens.refresh).await.status, 200);
    assert_ne!(stage.log_in("ada@example.com").await.status, 201, "the pepper is lost");
    let link = stage.reset_link("ada@example.com").await;
    stage.reset(&link, THEIR_PASSWORD).await.expect(204);
    stage.log_in_with("ada@example.com", THEIR_PASSWORD).await.expect(201);
}
