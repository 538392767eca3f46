//! `gatepost users import` on real folders, followed by log-ins through the API.

use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::BuildHasher,
    process::Stdio,
    thread,
    time::Duration,
};

use domain::{Actor, EventContext, EventId};
use serde_json::{Value, json};
use stage::{PASSWORD, Stage};
use store::{Erasure, Store};

use crate::{
    exports,
    moved::{Folder, THEIR_PASSWORD, attribute, hash_by, log_in, stored_hash, vectors},
    operated::now,
};

/// Returns a line of Gatepost's own format.
fn line(email: &str, hash: &str) -> String {
    json!({"email": email, "email_verified": true, "password_hash": hash}).to_string() + "\n"
}

#[tokio::test]
async fn users_log_in_with_hashes_of_every_scheme_which_are_then_replaced() {
    let folder = Folder::new();
    // One vector of each library.
    let mut people = BTreeMap::new();
    for vector in vectors().into_iter().filter(|vector| vector.get("hash").is_some()) {
        people.entry(vector["by"].as_str().expect("a library").to_owned()).or_insert(vector);
    }
    let address = |number: usize| format!("user{number}@example.com");
    let lines: String = people
        .values()
        .enumerate()
        .map(|(number, vector)| line(&address(number), vector["hash"].as_str().expect("a hash")))
        .collect();
    assert!(people.len() > 40, "only {} libraries", people.len());

    let said = folder.import("users.ndjson", &lines, &[]);

    assert_eq!((said.code, said.complaint.as_str()), (Some(0), ""), "{}", said.text);
    let stage = folder.system();
    for (number, (by, vector)) in people.iter().enumerate() {
        let email = address(number);
        let of = |name: &str| vector[name].as_str().expect("text").to_owned();
        let before = stored_hash(&stage, &email).await;
        log_in(&stage, &email, &of("wrong")).await.expect(401);
        let answer = log_in(&stage, &email, &of("password")).await;
        assert_eq!(answer.status, 201, "{by}: {}", answer.body);
        let after = stored_hash(&stage, &email).await;
        assert!(after.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{by}: {after}");
        assert_ne!(before, after);
        log_in(&stage, &email, &of("password")).await.expect(201);
        assert_eq!(stored_hash(&stage, &email).await, after, "{by}: made anew again");
    }
}

#[tokio::test]
async fn the_exports_of_other_systems_are_imported_unchanged() {
    let folder = Folder::new();
    folder.file("hash-parameters.txt", &exports::firebase_parameters());
    for (system, name, text, options) in exports::all() {
        let said = folder.import(name, &text, options);

        assert_eq!((said.code, said.complaint.as_str()), (Some(0), ""), "{name}: {}", said.text);
        assert!(said.text.starts_with(&format!("imported 1 users of {system}, ")), "{name}: {}", said.text);
    }

    let stage = folder.system();
    for who in ["auth0", "keycloak", "firebase", "supabase", "django", "django2", "gatepost"] {
        let granted = log_in(&stage, &format!("{who}@example.com"), THEIR_PASSWORD).await;
        assert_eq!(granted.status, 201, "{who}: {}", granted.body);
        let profile = stage.get("/v1/me", granted.body["access_token"].as_str().expect("a token")).await.body;
        assert!(
            profile["first_name"].as_str().is_some_and(|name| name.starts_with("Ada")),
            "{who}: {profile}"
        );
        assert_eq!(profile["created_at"], "2021-03-05T16:35:16.775Z", "{who}: {profile}");
    }
    for id in [exports::KEYCLOAK_ID, exports::SUPABASE_ID] {
        assert_ne!(attribute(&stage, &format!("USER#{id}"), "USER", "email").await, "", "{id}");
    }
    let keycloak = format!("USER#{}", exports::KEYCLOAK_ID);
    assert_eq!(attribute(&stage, &keycloak, "USER", "locale").await, "de");
}

#[tokio::test]
async fn every_custom_hash_of_auth0_is_imported() {
    let folder = Folder::new();
    let custom = exports::auth0_custom();
    let lines: String = custom.iter().map(|line| line.to_string() + "\n").collect();

    let said = folder.import("auth0.ndjson", &lines, &[]);

    assert_eq!(said.code, Some(0), "{}", said.text);
    let stage = folder.system();
    for line in custom {
        let email = line["email"].as_str().expect("an address");
        log_in(&stage, email, "?orrect horse battery staple").await.expect(401);
        assert_eq!(log_in(&stage, email, THEIR_PASSWORD).await.status, 201, "{line}");
    }
    for wrong in [
        json!({"algorithm": "md4", "hash": {"value": "00", "encoding": "hex"}}),
        json!({"algorithm": "sha256", "hash": {"value": "00", "encoding": "binary"}}),
        json!({"algorithm": "hmac", "hash": {"value": "00", "digest": "sha256"}, "salt": {"value": "x"}}),
        json!({"algorithm": "bcrypt", "hash": {"value": "x"}, "password": {"encoding": "utf16le"}}),
        json!("x"),
    ] {
        let line = json!({"user_id": "1", "email": "x@example.com", "email_verified": true, "custom_password_hash": wrong});
        assert_eq!(folder.import("auth0.ndjson", &line.to_string(), &[]).code, Some(1), "{line}");
    }
}

#[tokio::test]
async fn users_without_a_password_and_suspended_users_cannot_log_in() {
    let folder = Folder::new();
    let cognito = "name,given_name,family_name,email,email_verified,cognito:mfa_enabled,cognito:username\n\
                   ,Ada,Lovelace,cognito@example.com,true,false,ada\n";
    let listed = json!({"Users": [{"Username": "x", "Enabled": false, "UserStatus": "CONFIRMED",
        "UserCreateDate": "2021-03-05T16:35:16.775000+01:00", "Attributes": [
            {"Name": "sub", "Value": "6f1c8a2e-7d53-4c3f-9a43-0e2d4e1f5b60"},
            {"Name": "email", "Value": "listed@example.com"}, {"Name": "email_verified", "Value": "true"}]}]});
    let blocked = json!({"user_id": "auth0|3", "email": "blocked@example.com", "email_verified": true, "blocked": true,
        "password_hash": hash_by("bcrypt, under PHP's name")});

    for (name, text, format) in [
        ("cognito.csv", cognito.to_owned(), "cognito"),
        ("listed.json", listed.to_string(), "cognito"),
        ("auth0.ndjson", blocked.to_string(), "auth0"),
    ] {
        let said = folder.import(name, &text, &["--format", format]);
        assert_eq!(said.code, Some(0), "{name}: {}", said.complaint);
    }

    let stage = folder.system();
    for who in ["cognito", "listed", "blocked"] {
        for password in ["", "none", THEIR_PASSWORD] {
            // The suspension is revealed only with the right password.
            let status = if (who, password) == ("blocked", THEIR_PASSWORD) { 403 } else { 401 };
            log_in(&stage, &format!("{who}@example.com"), password).await.expect(status);
        }
    }
    assert_eq!(
        attribute(&stage, "USER#6f1c8a2e-7d53-4c3f-9a43-0e2d4e1f5b60", "USER", "status").await,
        "suspended"
    );
}

#[tokio::test]
async fn the_whole_file_is_checked_before_anything_is_written() {
    let folder = Folder::new();
    let secret = "hunter2-hunter2-hunter2";
    let lines = [
        line("ada@example.com", &hash_by("bcrypt, under PHP's name")),
        line("no address", &hash_by("bcrypt, under PHP's name")),
        format!("{{\"email\": \"x@example.com\", \"password_hash\": \"{secret}\"\n"),
        "[1]\n".to_owned(),
        "\n".to_owned(),
        line("bob@example.com", secret),
        line("ADA@example.com", "$2b$15$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        line("Ada@Example.com", ""),
        json!({"email": "carol@example.com"}).to_string() + "\n",
        json!({"email": "dora@example.com", "email_verified": true, "phone": "1"}).to_string() + "\n",
        json!({"email": "eve@example.com", "email_verified": true, "first_name": "x".repeat(51)}).to_string()
            + "\n",
        json!({"email": "fay@example.com", "email_verified": "??"}).to_string() + "\n",
        json!({"email": "gus@example.com", "email_verified": true, "created_at": "once"}).to_string() + "\n",
        json!({"email": "hal@example.com", "email_verified": true, "status": "gone"}).to_string() + "\n",
        json!({"email": "ivy@example.com", "email_verified": true, "roles": [""]}).to_string() + "\n",
        json!({"email": "joe@example.com", "email_verified": true, "password_hash": "x", "pepper_id": "XuE77oTW"})
            .to_string() + "\n",
        json!({"email_verified": true}).to_string() + "\n",
        json!({"email": "kim@example.com", "email_verified": true, "attributes": {"No Name": 1}}).to_string() + "\n",
        json!({"email": "lea@example.com", "email_verified": true, "attributes": {"long": "x".repeat(4096)}}).to_string()
            + "\n",
    ];
    for options in [&[][..], &["--dry-run"]] {
        let said = folder.import("users.ndjson", &lines.concat(), options);

        assert_eq!(said.code, Some(1));
        assert_eq!(
            said.text,
            "line 2: the e-mail address must be an e-mail address such as name@example.com\n\
             line 3: is not a JSON object\n\
             line 4: is not a JSON object\n\
             line 6: the password hash is of no kind that is known\n\
             line 7: the password hash asks for more work, or has longer parts, than a log-in may take\n\
             line 8: has the same address or id as line 1\n\
             line 9: the address is not verified: see --unverified\n\
             line 10: has an unknown field: phone\n\
             line 11: the first name must be 1 to 50 characters without control characters\n\
             line 12: email_verified is neither true nor false\n\
             line 13: created_at is not a time\n\
             line 14: the status must be active, suspended, or deleting with erase_at\n\
             line 15: has more than 50 roles, or one that is empty or longer than 64 characters\n\
             line 16: the password hash is not one that Gatepost writes\n\
             line 17: has no e-mail address\n\
             line 18: attributes: does not match its declaration\n\
             line 19: attributes: must have at most 4096 bytes in total\n"
        );
        assert_eq!(said.complaint, "gatepost: 17 of 18 users cannot be imported: nothing was written\n");
        assert!(!said.text.contains(secret) && !said.text.contains("@example.com:"));
    }
    assert_eq!(stored_hash(&folder.system(), "ada@example.com").await, "");
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let folder = Folder::new();

    let said = folder.import("users.ndjson", &line("ada@example.com", ""), &["--dry-run"]);

    assert_eq!((said.code, said.text.as_str()), (Some(0), "would import 1 users of gatepost, leave out 0\n"));
    assert_eq!(stored_hash(&folder.system(), "ada@example.com").await, "");
}

#[tokio::test]
async fn existing_accounts_are_not_overwritten() {
    let folder = Folder::new();
    folder.system().registered("ada@example.com").await;
    let hash = stored_hash(&folder.system(), "ada@example.com").await;
    let lines = line("bob@example.com", "") + &line("Ada@example.com", &hash_by("bcrypt, under PHP's name"));

    let said = folder.import("users.ndjson", &lines, &[]);

    assert_eq!(said.code, Some(3), "{}", said.complaint);
    assert_eq!(
        said.text,
        "line 2: refused: another user has this address\n\
         imported 1 users of gatepost, 0 were there already, left out 0, refused 1\n"
    );
    let stage = folder.system();
    assert_eq!(stored_hash(&stage, "ada@example.com").await, hash);
    stage.log_in("ada@example.com").await.expect(201);
}

#[tokio::test]
async fn unverified_users_are_imported_only_with_an_option() {
    let text = json!({"email": "ada@example.com", "first_name": "Ada"}).to_string();
    for (option, code, says, is_there) in [
        ("refuse", 1, "line 1: the address is not verified: see --unverified\n", false),
        ("skip", 0, "imported 0 users of gatepost, 0 were there already, left out 1, refused 0\n", false),
        ("accept", 0, "imported 1 users of gatepost, 0 were there already, left out 0, refused 0\n", true),
    ] {
        let folder = Folder::new();
        let said = folder.import("users.ndjson", &text, &["--unverified", option]);

        assert_eq!((said.code, said.text.as_str()), (Some(code), says));
        assert_eq!(
            stored_hash(&folder.system(), "ada@example.com").await,
            if is_there { "none" } else { "" }
        );
    }
}

#[tokio::test]
async fn an_import_has_the_event_of_a_registration() {
    let folder = Folder::new();
    let id = "6f1c8a2e-7d53-4c3f-9a43-0e2d4e1f5b60";
    let text = json!({"id": id, "email": "ada@example.com", "email_verified": true, "first_name": "Ada",
        "password_hash": hash_by("bcrypt, under PHP's name")});

    assert_eq!(folder.import("users.ndjson", &text.to_string(), &[]).code, Some(0));

    let stage = folder.system();
    log_in(&stage, "ada@example.com", THEIR_PASSWORD).await.expect(201);
    assert_eq!(stage.events_of(&format!("user#{id}")).await, ["user.registered", "session.started"]);
    let event = stage.stack.events().remove(0).detail;
    assert_eq!(event["actor"], "operator");
    assert_eq!(event["data"], json!({"user_id": id, "email": "ada@example.com", "first_name": "Ada"}));
    assert!(!event.to_string().contains("$2"), "a hash in {event}");
    drop(stage);
    let verified = folder.verified();
    assert_eq!(verified.code, Some(0), "{}", verified.text);
}

#[tokio::test]
async fn without_events_the_history_begins_with_the_next_change() {
    let folder = Folder::new();
    let id = "6f1c8a2e-7d53-4c3f-9a43-0e2d4e1f5b60";
    let text = json!({"id": id, "email": "ada@example.com", "email_verified": true,
        "password_hash": hash_by("bcrypt, under PHP's name")});

    assert_eq!(folder.import("users.ndjson", &text.to_string(), &["--no-events"]).code, Some(0));
    assert!(folder.verified().text.contains("1 users, 0 events of theirs"), "{}", folder.verified().text);

    let stage = folder.system();
    let granted = log_in(&stage, "ada@example.com", THEIR_PASSWORD).await.expect(201);
    stage.log_out(granted.body["access_token"].as_str().expect("a token")).await.expect(204);
    assert_eq!(stage.events_of(&format!("user#{id}")).await, ["session.started", "session.ended"]);
    drop(stage);
    let verified = folder.verified();
    assert_eq!(verified.code, Some(0), "{}", verified.text);
}

#[test]
fn files_without_users_are_reported_in_one_sentence() {
    let folder = Folder::new();
    for (name, text, options, says) in [
        ("empty", "", &[][..], "the format of the file is unknown"),
        ("table.csv", "name,age\nada,36\n", &[], "the format of the file is unknown"),
        (
            "firebase.json",
            r#"{"users": [{"localId": "x", "passwordHash": "eA=="}]}"#,
            &[],
            "pass --hash-parameters",
        ),
        ("x.ndjson", "{}", &["--hash-parameters", "x.ndjson"], "does not contain Firebase's hash parameters"),
        ("x.ndjson", "{}", &["--hash-parameters", "none"], "none: No such file"),
    ] {
        let said = folder.import(name, text, options);
        assert_eq!(said.code, Some(1), "{name}: {}", said.text);
        assert!(
            said.complaint.starts_with("gatepost: ") && said.complaint.contains(says),
            "{}",
            said.complaint
        );
    }
    assert_eq!(folder.users(&["import", "x.ndjson", "--format", "vhs"]).code, Some(2));
}

/// Killed at any time and started again, until it completes.
#[tokio::test]
async fn a_killed_import_continues_without_duplicates() {
    const PEOPLE: usize = 1_500;
    let folder = Folder::new();
    let bcrypt = hash_by("bcrypt, under PHP's name");
    let lines: String =
        (0..PEOPLE).map(|number| line(&format!("user{number}@example.com"), &bcrypt)).collect();
    folder.file("users.ndjson", &lines);

    let mut kills = 0;
    loop {
        let mut command = folder.command(&["import", "users.ndjson"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
        let random = RandomState::new().hash_one(kills);
        thread::sleep(Duration::from_millis(100 + random % 300));
        if child.try_wait().expect("a process").is_some() || kills == 20 {
            let said = child.wait_with_output().expect("an end");
            let text = String::from_utf8(said.stdout).expect("text");
            assert_eq!(said.status.code(), Some(0), "{text}");
            assert!(text.ends_with("left out 0, refused 0\n"), "{text}");
            break;
        }
        let _ = child.kill();
        let _ = child.wait();
        kills += 1;
    }

    assert!(kills > 0, "it was never interrupted");
    let again = folder.users(&["import", "users.ndjson", "--json"]);
    let again: Value = serde_json::from_str(&again.text).expect("JSON");
    assert_eq!((&again["imported"], &again["already_there"]), (&json!(0), &json!(PEOPLE)), "{again}");
    let verified = folder.verified();
    assert_eq!(verified.code, Some(0), "{}", verified.text);
    assert!(
        verified.text.contains(&format!("{PEOPLE} users, {PEOPLE} events of theirs")),
        "{}",
        verified.text
    );
}

#[tokio::test]
async fn weak_hashes_are_always_wrapped() {
    let folder = Folder::new();
    // printf 'saltcorrect horse battery staple' | sha1sum, in base64
    let text = json!({"email": "ada@example.com", "email_verified": true, "pepper_id": "none",
        "password_hash": "$sha1-prefix$i=1$c2FsdA$RtR4TJd0M/utmgPg9iF54r82zBw"});

    assert_eq!(folder.import("users.ndjson", &text.to_string(), &[]).code, Some(0));

    let stage = folder.system();
    let stored = stored_hash(&stage, "ada@example.com").await;
    assert!(stored.starts_with("$over$sha1-prefix$i=1$c2FsdA$argon2id$"), "{stored}");
    log_in(&stage, "ada@example.com", THEIR_PASSWORD).await.expect(201);
}

#[tokio::test]
async fn users_without_a_password_choose_one_by_mail() {
    for options in [&[][..], &["--no-events"]] {
        let folder = Folder::new();
        let text = json!({"email": "ada@example.com", "email_verified": true}).to_string();
        assert_eq!(folder.import("users.ndjson", &text, options).code, Some(0));

        let stage = folder.system();
        let token = stage.reset_link("ada@example.com").await;
        stage.reset(&token, PASSWORD).await.expect(204);

        stage.log_in("ada@example.com").await.expect(201);
        drop(stage);
        assert_eq!(folder.verified().code, Some(0), "{options:?}");
    }
}

#[tokio::test]
async fn erased_users_cannot_be_imported_again() {
    let folder = Folder::new();
    let id = "6f1c8a2e-7d53-4c3f-9a43-0e2d4e1f5b60";
    let text = json!({"id": id, "email": "ada@example.com", "email_verified": true}).to_string();
    assert_eq!(folder.import("users.ndjson", &text, &[]).code, Some(0));
    erase(&folder.system(), id).await;

    // With the former address, and with an unused one.
    for (options, address) in [(&[][..], "ada@example.com"), (&["--no-events"], "ada@example.org")] {
        let lines = text.replace("ada@example.com", address) + "\n" + &line("bob@example.com", "");
        let said = folder.import("users.ndjson", &lines, options);

        assert_eq!(said.code, Some(3), "{}", said.complaint);
        assert!(said.text.starts_with("line 1: refused: this user was erased here\n"), "{}", said.text);
        let stage = folder.system();
        assert_eq!(stored_hash(&stage, address).await, "");
        assert_eq!(attribute(&stage, &format!("USER#{id}"), "USER", "status").await, "erased");
        assert_eq!(stored_hash(&stage, "bob@example.com").await, "none");
    }
    let exported = folder.users(&["export", "-"]);
    assert_eq!((exported.code, exported.text.lines().count()), (Some(0), 1), "{}", exported.complaint);
    let verified = folder.verified();
    assert_eq!(verified.code, Some(0), "{}", verified.text);
}

/// Erases a user, as at the due time.
async fn erase(stage: &Stage, id: &str) {
    let store = Store::new(&stage.stack.cloud("register").expect("its cloud")).expect("its settings");
    let id = id.parse().expect("an id");
    let cause = |number: u8| EventContext {
        event_id: EventId::new(now(), [number; 10]),
        occurred_at: now(),
        actor: Actor::User(id),
        correlation_id: "a request".to_owned(),
        traceparent: None,
    };
    let user = store.identities().user(id).await.expect("an answer").expect("a user");
    let deletion = user.request_deletion(Duration::ZERO, cause(1));
    let erasure = Erasure::of(&deletion.after).expect("it waits");
    store.answering(None).change_user(&deletion).await.expect("noted");
    let credential = store.identities().credential(user.email.canonical()).await.expect("an answer");
    let (tombstone, event) = deletion.after.erase(cause(2));
    let erased = store.answering(None).erase(&tombstone, erasure, credential.as_ref(), &event).await;
    erased.expect("erased");
}
