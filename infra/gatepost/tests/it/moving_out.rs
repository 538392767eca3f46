//! `gatepost users export`, and importing its files elsewhere.

use std::{collections::BTreeSet, fs, process::Stdio, thread, time::Duration};

use local::Request;
use serde_json::{Value, json};
use stage::{PASSWORD, Tokens};

use crate::moved::{Folder, THEIR_PASSWORD, hash_by, log_in};

/// Creates users with a hash of Gatepost, a strong foreign one, a weak foreign one, and without a password.
async fn people(folder: &Folder) {
    folder.system().registered("ours@example.com").await;
    let line = |who: &str, more: Value| {
        let mut line = json!({"email": format!("{who}@example.com"), "email_verified": true, "roles": ["editor"],
            "first_name": "Ada", "locale": "de", "created_at": "2021-03-05T16:35:16.775Z"});
        line.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        line.to_string() + "\n"
    };
    let lines = [
        line("strong", json!({"password_hash": hash_by("bcrypt, under PHP's name")})),
        line("weak", json!({"password_hash": hash_by("passlib md5_crypt")})),
        line("nothing", json!({"status": "suspended"})),
        line(
            "leaving",
            json!({"status": "deleting", "erase_at": "2036-03-05T16:35:16.775Z", "is_final": true,
            "was_suspended": true, "attributes": {"plan": "pro", "age": 36, "news": true}}),
        ),
    ];
    assert_eq!(folder.import("people.ndjson", &lines.concat(), &[]).code, Some(0));
}

fn sorted(text: &str) -> BTreeSet<String> {
    text.lines().map(str::to_owned).collect()
}

/// Gives a system the pepper of another one, as an older pepper.
fn add_pepper(to: &Folder, from: &Folder) {
    let secret = |folder: &Folder| -> Value {
        let text = fs::read_to_string(folder.0.data().join("credentials.json")).expect("a secret");
        serde_json::from_str(&text).expect("JSON")
    };
    let mut own = secret(to);
    own["peppers"] = json!([{"seed": secret(from)["pepper"], "from": 0}]);
    fs::write(to.0.data().join("credentials.json"), own.to_string()).expect("written");
}

#[tokio::test]
async fn exported_pending_invitations_are_unverified() {
    let (old, new) = (Folder::new(), Folder::new());
    {
        let stage = old.system();
        let admin = stage.administrator("root@example.net").await;
        stage.create_user(&admin.access, "ada@example.com").await.expect(201);
    }

    assert_eq!(old.users(&["export", "all.ndjson"]).code, Some(0));

    let exported = old.read("all.ndjson");
    let unproven: Vec<_> =
        exported.lines().filter(|line| line.contains(r#""email_verified":false"#)).collect();
    assert!(unproven.len() == 1 && unproven[0].contains("ada@example.com"), "{exported}");
    add_pepper(&new, &old);
    let refused = new.import("all.ndjson", &exported, &[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.text.contains("the address is not verified"), "{} {}", refused.text, refused.complaint);
    assert_eq!(new.import("all.ndjson", &exported, &["--unverified", "accept"]).code, Some(0));
    let stage = new.system();
    log_in(&stage, "ada@example.com", PASSWORD).await.expect(401);
    let link = stage.reset_link("ada@example.com").await;
    stage.reset(&link, PASSWORD).await.expect(204);
    log_in(&stage, "ada@example.com", PASSWORD).await.expect(201);
}

#[tokio::test]
async fn exported_users_can_log_in_after_the_import() {
    let (old, new) = (Folder::new(), Folder::new());
    people(&old).await;

    let said = old.users(&["export", "all.ndjson"]);

    assert_eq!(said.code, Some(0), "{}", said.complaint);
    assert_eq!(said.text, "exported 5 users: the file holds password hashes, keep it as a secret\n");
    let exported = old.read("all.ndjson");
    let refused = new.import("all.ndjson", &exported, &[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.complaint.contains("made with the secret of another system"), "{}", refused.complaint);

    add_pepper(&new, &old);
    assert_eq!(new.import("all.ndjson", &exported, &[]).code, Some(0));

    assert_eq!(new.users(&["export", "again.ndjson"]).code, Some(0));
    assert_eq!(sorted(&new.read("again.ndjson")), sorted(&exported));
    let stage = new.system();
    for (who, password) in [("ours", PASSWORD), ("strong", THEIR_PASSWORD), ("weak", THEIR_PASSWORD)] {
        let granted = log_in(&stage, &format!("{who}@example.com"), password).await;
        assert_eq!(granted.status, 201, "{who}: {}", granted.body);
    }
    log_in(&stage, "nothing@example.com", THEIR_PASSWORD).await.expect(401);
    let identities = store::Identities::new(&stage.stack.cloud("register").expect("its cloud"));
    let later = "2036-03-05T16:35:16.775Z".parse().expect("a moment");
    let due = identities.expect("its settings").due_erasures(later, None).await.expect("an answer");
    assert_eq!(due.len(), 1, "a pending deletion is imported");
}

#[tokio::test]
async fn previous_passwords_are_refused_after_the_import() {
    let (old, new) = (Folder::new(), Folder::new());
    let stage = old.system();
    let tokens = stage.signed_in("ada@example.com").await;
    stage.change_password(&tokens.access, THEIR_PASSWORD).await.expect(204);
    drop(stage);

    assert_eq!(old.users(&["export", "all.ndjson"]).code, Some(0));
    add_pepper(&new, &old);
    assert_eq!(new.import("all.ndjson", &old.read("all.ndjson"), &[]).code, Some(0));

    let stage = new.system();
    let tokens = Tokens::of(&log_in(&stage, "ada@example.com", THEIR_PASSWORD).await.expect(201).body);
    let body = json!({"current_password": THEIR_PASSWORD, "new_password": PASSWORD});
    let change = Request::new("PUT", "/v1/me/password").json(&body).bearer(&tokens.access);
    let refused = stage.send(change).await.expect(422);
    assert_eq!(refused.body["errors"][0]["code"], "password-reused", "{}", refused.body);
}

#[tokio::test]
async fn previous_passwords_are_checked_and_wrapped_like_current_ones() {
    let folder = Folder::new();
    let weak = json!({"password_hash": hash_by("passlib md5_crypt"), "pepper_id": "none"});
    let line = |previous: Value| {
        json!({"email": "ada@example.com", "email_verified": true, "previous_passwords": previous})
            .to_string()
    };
    let strange =
        json!({"password_hash": "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", "pepper_id": "XuE77oTW"});
    for (previous, wrong) in [
        (json!("x"), "previous_passwords has the wrong type"),
        (json!(["x"]), "previous_passwords has the wrong type"),
        (json!([{"password_hash": "hunter2"}]), "the password hash is of no kind that is known"),
        (json!([strange]), "the password hash is not one that Gatepost writes"),
        (json!(vec![&weak; 25]), "has more than 24 previous passwords"),
    ] {
        let said = folder.import("users.ndjson", &line(previous), &[]);
        assert_eq!((said.code, said.text), (Some(1), format!("line 1: {wrong}\n")), "{}", said.complaint);
    }

    assert_eq!(folder.import("users.ndjson", &line(json!([weak, weak])), &[]).code, Some(0));

    let exported: Value = serde_json::from_str(&folder.users(&["export", "-"]).text).expect("a line");
    let previous = exported["previous_passwords"].as_array().expect("a list");
    let is_wrapped =
        |hash: &Value| hash["password_hash"].as_str().is_some_and(|hash| hash.starts_with("$over$"));
    assert!(previous.len() == 2 && previous.iter().all(is_wrapped), "{exported}");
}

#[tokio::test]
async fn a_line_has_all_data_of_a_user() {
    let folder = Folder::new();
    people(&folder).await;

    let said = folder.users(&["export", "-"]);

    assert_eq!((said.code, said.complaint.as_str()), (Some(0), ""));
    let weak = said.text.lines().find(|line| line.contains("weak@example.com")).expect("a line");
    let mut weak: Value = serde_json::from_str(weak).expect("JSON");
    for (name, begins) in
        [("id", "01"), ("updated_at", "20"), ("password_hash", "$over$md5crypt$"), ("pepper_id", "")]
    {
        let value = weak[name].take();
        assert!(value.as_str().is_some_and(|value| value.starts_with(begins)), "{name}: {value}");
    }
    let expected = json!({"id": null, "email": "weak@example.com", "email_verified": true, "first_name": "Ada",
        "locale": "de", "roles": ["editor"], "status": "active", "created_at": "2021-03-05T16:35:16.775Z",
        "updated_at": null, "password_hash": null, "pepper_id": null});
    assert_eq!(weak, expected);
    let leaving = said.text.lines().find(|line| line.contains("leaving@example.com")).expect("a line");
    for said in [r#""status":"deleting""#, r#""is_final":true"#, r#""was_suspended":true"#] {
        assert!(leaving.contains(said), "{leaving}");
    }
}

#[tokio::test]
async fn an_export_is_readable_by_its_owner_only_and_overwrites_nothing() {
    let folder = Folder::new();

    assert_eq!(folder.users(&["export", "all.ndjson"]).code, Some(0));

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder.0.path().join("all.ndjson")).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = folder.users(&["export", "all.ndjson"]);
    assert_eq!(again.code, Some(1));
    assert!(again.complaint.contains("all.ndjson already exists"), "{}", again.complaint);
    let resumed = folder.users(&["export", "all.ndjson", "--resume"]);
    assert!(resumed.complaint.contains("not a partial export"), "{}", resumed.complaint);
}

#[tokio::test]
async fn a_killed_export_continues_without_gaps_or_duplicates() {
    // Several pages of 1 MB.
    const PEOPLE: usize = 12_000;
    let folder = Folder::new();
    let line = |number: usize| {
        json!({"email": format!("user{number}@example.com"), "email_verified": true, "first_name": "x".repeat(50),
            "last_name": "y".repeat(50), "roles": ["z".repeat(60), "a".repeat(60)]})
    };
    let lines: Vec<String> = (0..PEOPLE).map(|number| line(number).to_string()).collect();
    assert_eq!(folder.import("people.ndjson", &lines.join("\n"), &["--no-events"]).code, Some(0));

    let mut command = folder.command(&["export", "all.ndjson"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
    let mark = || fs::read_to_string(folder.0.path().join("all.ndjson.resume")).unwrap_or_default();
    // The first pages may have credentials only.
    while !mark().contains("length") || mark().contains("\"length\":0") {
        assert_eq!(child.try_wait().expect("a process"), None, "it ended before it could be interrupted");
        thread::sleep(Duration::from_millis(1));
    }
    let _ = child.kill();
    let _ = child.wait();
    let torn = folder.read("all.ndjson") + "{\"id\": \"" + &"torn".repeat(5_000_000);
    folder.file("all.ndjson", &torn);
    let said = folder.users(&["export", "all.ndjson", "--resume", "--json"]);

    assert_eq!(said.code, Some(0), "{}", said.complaint);
    let exported = serde_json::from_str::<Value>(&said.text).expect("JSON")["exported"].as_u64();
    assert!(exported.is_some_and(|exported| 0 < exported && exported < PEOPLE as u64), "{exported:?}");
    let text = folder.read("all.ndjson");
    assert_eq!((text.lines().count(), sorted(&text).len()), (PEOPLE, PEOPLE));
    assert!(
        text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok_and(|line| line["id"].is_string()))
    );
    assert!(!folder.0.path().join("all.ndjson.resume").exists());
}
