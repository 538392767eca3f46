//! Erasing users: the tests look at the tables, the bus, and later users of the address.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod remains;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use local::{
    Request, Setup,
    calls::{Call, Fate, Refusal},
};
use remains::Remains;
use serde_json::{Value, json};
use stage::{PASSWORD, Stage, Tokens, upload::PNG};
use store::{EventKey, Identities, Outbox, Reconciliation};

/// The address of the stage, as its owner writes it.
const EMAIL: &str = "Augusta.King@Lovelace.example";
/// All personal data that the user ever sent.
const PERSONAL: [&str; 7] = [
    EMAIL,
    "augusta.king@lovelace.example",
    "Augustina",
    "Kingsleigh",
    "onward-and-upward",
    "difference-engine",
    "en-IM",
];
const SCHEMA: &str = r#"{"motto": {"type": "string", "write": "user"}}"#;
const GRACE_AND_MORE: Duration = Duration::from_hours(7 * 24 + 1);

fn declared(setup: Setup) -> Setup {
    setup.with_parameter("AttributesSchema", SCHEMA)
}

/// Creates a user with data in every place. Returns the id, and the tokens of a session.
async fn somebody(stage: &Stage) -> (String, Tokens) {
    let applicant = json!({
        "email": EMAIL, "password": PASSWORD, "first_name": "Augustina", "last_name": "Kingsleigh", "locale": "en-im",
    });
    stage.post("/v1/registrations", applicant.clone()).await.expect(202);
    stage.settle().await;
    let registered = stage.post("/v1/registrations", applicant).await.expect(202);
    stage.settle().await;
    stage.post("/v1/registrations/resend", json!({"email": EMAIL})).await.expect(202);
    let token = stage.link(EMAIL).await;
    let user = stage.verify_registered(&token, &registered).await.expect(201).body;
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let log_in = Request::post("/v1/sessions", &body).header("user-agent", "difference-engine/1");
    let tokens = Tokens::of(&stage.send(log_in).await.expect(201).body);
    stage.settle().await;
    (user["id"].as_str().expect("an id").to_owned(), tokens)
}

async fn update(stage: &Stage, tokens: &Tokens) {
    let patch =
        json!({"first_name": "Augustina", "last_name": null, "attributes": {"motto": "onward-and-upward"}});
    stage.send(Request::new("PATCH", "/v1/me").json(&patch).bearer(&tokens.access)).await.expect(200);
}

async fn delete(stage: &Stage, tokens: &Tokens) {
    let request = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
    stage.send(request.bearer(&tokens.access)).await.expect(204);
}

async fn erase(stage: &Stage) {
    stage.stack.run_schedule("erase-users").await.expect("a run");
}

fn outbox(stage: &Stage) -> Outbox {
    Outbox::new(&stage.stack.cloud("sweep-events").expect("a function")).expect("its settings")
}

fn personal(text: &str) -> Vec<&'static str> {
    PERSONAL.into_iter().filter(|personal| text.contains(personal)).collect()
}

#[tokio::test]
async fn no_personal_data_is_left_in_any_table() {
    let stage = Stage::with(|setup| declared(setup).with_parameter("DeletionGraceDays", "0"));
    let (id, tokens) = somebody(&stage).await;
    update(&stage, &tokens).await;
    stage.upload(&tokens.access, PNG).await;
    let picture = stage.set_picture(&tokens.access).await.expect(200).body["picture"].clone();
    stage.upload(&tokens.access, b"never taken").await;
    // Adds personal data to registration events, as an earlier version wrote them.
    let told =
        json!({"subject": format!("registration#{id}"), "data": {"registration_id": id, "email": EMAIL}});
    stage::outbox::Outbox::of(&stage.stack)
        .commit_detail(&format!("registration#{id}"), 2, &told.to_string())
        .await;
    stage.settle().await;
    assert_eq!(personal(&Remains::of(&stage).everywhere()), PERSONAL, "there was something to erase");
    assert_eq!(stage.stack.uploads(), [id.as_str()], "and in the bucket");
    delete(&stage, &tokens).await;
    stage.pass(Duration::from_mins(5));

    erase(&stage).await;
    stage.settle().await;

    // An unproven registration stays until it expires: it may come from another person.
    let remains = Remains::of(&stage);
    assert_eq!(personal(&remains.but(&["REGISTRATION#", "RESEND#"]).everywhere()), Vec::<&str>::new());
    let left = remains.user(&id);
    assert_eq!((left.len(), &left[0]["status"]), (1, &json!({"S": "erased"})), "a tombstone: {left:?}");
    assert_eq!(stage.stack.uploads(), Vec::<String>::new());
    stage.send(Request::get(picture.as_str().expect("a path"))).await.expect(404);
    stage.pass(Duration::from_hours(24));
    let remains = Remains::of(&stage).everywhere();
    assert_eq!(personal(&remains), Vec::<&str>::new());
    assert!(!remains.contains("argon2"), "no hash");
}

#[tokio::test]
async fn a_user_who_canceled_the_deletion_is_not_read_again() {
    let stage = Stage::with(declared);
    let (_, tokens) = somebody(&stage).await;
    delete(&stage, &tokens).await;
    assert!(Remains::of(&stage).everywhere().contains("ERASURES"));

    stage.log_in(EMAIL).await.expect(201);

    assert!(!Remains::of(&stage).everywhere().contains("ERASURES"));
}

#[tokio::test]
async fn the_events_keep_their_numbers_and_end_with_the_erasure() {
    let stage = Stage::with(declared);
    let (id, tokens) = somebody(&stage).await;
    update(&stage, &tokens).await;
    delete(&stage, &tokens).await;
    stage.pass(GRACE_AND_MORE);

    erase(&stage).await;

    let expected =
        ["user.registered", "session.started", "user.updated", "user.deletion-requested", "user.erased"];
    assert_eq!(stage.events_of(&format!("user#{id}")).await, expected);
    let remains = Remains::of(&stage);
    assert_eq!(remains.events(&id), expected);
}

#[tokio::test]
async fn a_pending_event_is_published_without_personal_data() {
    let stage = Stage::with(declared);
    let (id, tokens) = somebody(&stage).await;
    let published = stage.stack.events().len();
    update(&stage, &tokens).await;
    delete(&stage, &tokens).await;
    stage.pass(GRACE_AND_MORE);

    erase(&stage).await;
    let types = stage.events_of(&format!("user#{id}")).await;

    assert_eq!(types[2..], ["user.updated", "user.deletion-requested", "user.erased"]);
    for event in &stage.stack.events()[published..] {
        assert_eq!(personal(&event.detail.to_string()), Vec::<&str>::new());
    }
    let updated = &stage.stack.events()[published].detail["data"];
    assert_eq!(*updated, json!({"changed": ["attributes.motto", "last_name"]}));
}

#[tokio::test]
async fn a_dead_event_is_redacted_and_stays_dead() {
    let stage = Stage::with(declared);
    let (id, tokens) = somebody(&stage).await;
    update(&stage, &tokens).await;
    let updated = EventKey { stream: format!("user#{id}"), sequence: 3 };
    let now = stage.stack.clock().now();
    outbox(&stage).dead(&updated, "MalformedDetail", now).await.expect("marked");
    delete(&stage, &tokens).await;
    stage.pass(GRACE_AND_MORE);

    erase(&stage).await;
    stage.settle().await;

    let item = stage::outbox::Outbox::of(&stage.stack).item(&updated.stream, 3).await;
    assert_eq!((item["state"].as_str(), item["last_error"].as_str()), ("dead", "MalformedDetail"));
    assert_eq!(personal(&Remains::of(&stage).everywhere()), Vec::<&str>::new());
    let published = stage.stack.events().into_iter().map(|event| event.detail);
    assert!(!published.map(|event| event["sequence"].clone()).any(|number| number == "000000000003"));
}

/// A record of the user and one of the registration, both with damaged events.
#[tokio::test]
async fn quarantined_records_are_redacted() {
    let stage = Stage::with(declared);
    let (id, tokens) = somebody(&stage).await;
    let table = stage::outbox::Outbox::of(&stage.stack);
    for (stream, number) in [(format!("user#{id}"), 9), (format!("registration#{id}"), 2)] {
        let mut record = table.commit_detail(&stream, number, &format!("no event, but {EMAIL}")).await;
        record["dynamodb"]["NewImage"]["detail"] = json!({"L": [{"S": EMAIL}]});
        stage.stack.call("relay-events", json!({"Records": [record]})).await.expect("put away");
        let copy = table.item(&format!("quarantine#{stream}"), number).await;
        assert_eq!(personal(&copy["raw"]), [EMAIL]);
    }
    delete(&stage, &tokens).await;
    stage.pass(GRACE_AND_MORE);

    erase(&stage).await;

    assert_eq!(personal(&Remains::of(&stage).everywhere()), Vec::<&str>::new());
    let copy = table.item(&format!("quarantine#user#{id}"), 9).await;
    assert_eq!(copy["raw"], "", "the copy itself stays");
}

#[tokio::test]
async fn erasing_during_a_relay_loses_no_event_and_leaves_no_data() {
    let stage = Stage::with(declared);
    let (id, tokens) = somebody(&stage).await;
    for name in ["Augustina", "Augustina A", "Augustina B"] {
        let patch = Request::new("PATCH", "/v1/me").json(&json!({"first_name": name}));
        stage.send(patch.bearer(&tokens.access)).await.expect(200);
    }
    delete(&stage, &tokens).await;
    stage.pass(GRACE_AND_MORE);

    tokio::join!(stage.settle(), erase(&stage));

    let types = stage.events_of(&format!("user#{id}")).await;
    assert_eq!((types.len(), types.last().map(String::as_str)), (6, Some("user.erased")));
    assert_eq!(personal(&Remains::of(&stage).everywhere()), Vec::<&str>::new());
}

#[tokio::test]
async fn the_address_can_be_registered_again() {
    let stage = Stage::with(declared);
    let (id, tokens) = somebody(&stage).await;
    delete(&stage, &tokens).await;
    stage.pass(GRACE_AND_MORE);
    stage.log_in(EMAIL).await.expect(401);
    erase(&stage).await;
    stage.settle().await;

    let again = stage.registered(EMAIL).await;

    assert_ne!(again["id"], *id);
    let tokens = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    let history = stage.get("/v1/me/events", &tokens.access).await.expect(200).body;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(2), "nothing of the one before");
}

#[tokio::test]
async fn users_who_are_not_due_stay() {
    let stage = Stage::with(declared);
    let (_, tokens) = somebody(&stage).await;
    let bob = stage.signed_in("bob@example.com").await;
    delete(&stage, &tokens).await;
    stage.pass(Duration::from_hours(7 * 24));

    erase(&stage).await;

    let remains = Remains::of(&stage).everywhere();
    assert!(remains.contains(EMAIL), "erasure starts five minutes later, when the relay reads every event");
    stage.pass(Duration::from_mins(5));
    erase(&stage).await;
    assert_eq!(personal(&Remains::of(&stage).everywhere()), Vec::<&str>::new());
    let bob = stage.refresh(&bob.refresh).await;
    assert_eq!(bob.expect(401).problem(), "token-expired", "the token has expired, but bob exists");
    stage.log_in("bob@example.com").await.expect(201);
}

#[tokio::test]
async fn two_concurrent_runs_erase_once() {
    let stage = Stage::with(|setup| stage::slowly(declared(setup)));
    let (id, tokens) = somebody(&stage).await;
    delete(&stage, &tokens).await;
    stage.pass(GRACE_AND_MORE);

    tokio::join!(erase(&stage), erase(&stage), erase(&stage));
    erase(&stage).await;

    let types = stage.events_of(&format!("user#{id}")).await;
    assert_eq!(types.iter().filter(|kind| *kind == "user.erased").count(), 1);
}

#[tokio::test]
async fn an_interrupted_run_is_completed_by_the_next_one() {
    for is_last_done in [false, true] {
        for calls in 0.. {
            let made = Arc::new(AtomicUsize::new(usize::MAX));
            let (left, is_over) = (Arc::clone(&made), "erase-users");
            let killed = move |call: &Call| {
                if call.function != is_over || left.load(SeqCst) == usize::MAX {
                    return Fate::Proceed;
                }
                match left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)) {
                    Ok(1) if is_last_done => Fate::AnswerLost,
                    Ok(_) => Fate::Proceed,
                    Err(_) => Fate::Refused(Refusal::ACCESS_DENIED),
                }
            };
            let stage = Stage::with(|setup| declared(setup).watched_by(killed));
            let (id, tokens) = somebody(&stage).await;
            update(&stage, &tokens).await;
            delete(&stage, &tokens).await;
            stage.pass(GRACE_AND_MORE);

            made.store(calls, SeqCst);
            let broken = stage.stack.run_schedule("erase-users").await;
            let was_enough = made.load(SeqCst) > 0;
            made.store(usize::MAX, SeqCst);
            erase(&stage).await;

            let types = stage.events_of(&format!("user#{id}")).await;
            assert_eq!(types.iter().filter(|kind| *kind == "user.erased").count(), 1, "{calls}: {types:?}");
            assert_eq!(personal(&Remains::of(&stage).everywhere()), Vec::<&str>::new(), "{calls}");
            if was_enough {
                broken.expect("a whole run");
                assert!(calls > 8, "there was something to break off");
                break;
            }
        }
    }
}

#[tokio::test]
async fn the_tables_agree_about_erased_users() {
    let stage = Stage::with(declared);
    let (_, tokens) = somebody(&stage).await;
    delete(&stage, &tokens).await;
    stage.pass(GRACE_AND_MORE);
    erase(&stage).await;
    stage.settle().await;

    let outbox = outbox(&stage);
    let identities =
        Identities::new(&stage.stack.cloud("log-in").expect("a function")).expect("its settings");
    let users = identities.user_versions(None).await.expect("users").items;
    let mut reconciliation = Reconciliation::new(outbox.clone(), identities, stage.stack.clock().now(), None);
    let mut findings = Vec::new();
    for item in outbox.scan(None).await.expect("events").items {
        // Rebuilds the state from the events alone.
        findings.extend(reconciliation.item(item).await.expect("a judgement").findings);
    }
    for user in users {
        let user = user.expect("a user's item that can be read");
        findings.extend(reconciliation.user(&user).await.expect("a judgement").findings);
    }

    assert_eq!(findings, []);
}

/// A failed call raises the alarm.
#[tokio::test]
async fn a_failed_run_is_reported() {
    let refused = |call: &Call| match (call.function.as_str(), call.operation.as_str()) {
        ("erase-users", "Query") if call.request.to_string().contains("user#") => {
            Fate::Refused(Refusal::ACCESS_DENIED)
        }
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| declared(setup).watched_by(refused));
    let (_, tokens) = somebody(&stage).await;
    delete(&stage, &tokens).await;
    stage.pass(GRACE_AND_MORE);

    let failed = stage.stack.call("erase-users", Value::Null).await.expect_err("a failure");

    assert!(failed.to_string().contains("some users were not erased"), "{failed}");
}
