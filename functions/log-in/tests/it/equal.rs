//! The calls of a log-in reveal nothing about the address: every address takes the same number of calls of
//! each kind.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use stage::{ADA, PASSWORD, Stage};

use crate::of_log_in;

/// A salted MD5 hash and a bcrypt hash. No test enters their passwords.
const WEAK: &str = "md5$salt$5d41402abc4b2a76b9719d911017c592";
const STRONG: &str = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
const KNOWN: &str = "known@example.com";
const UNKNOWN: &str = "unknown@example.com";

/// The number of calls by operation, kind of item, consistency, and result of the condition.
type Calls = BTreeMap<String, usize>;

fn kinds(stage: &Stage) -> Calls {
    let mut kinds = Calls::new();
    let calls = of_log_in(stage.stack.calls());
    // The secret is read every few minutes, regardless of the address.
    for made in calls.iter().filter(|made| made.call.service == "dynamodb") {
        let keys = made.call.touches.iter().filter_map(|touch| touch.partition_key.as_deref());
        let kind = |key: &str| key.split('#').take(2).next().unwrap_or_default().to_owned();
        let mut items: Vec<_> = keys.map(kind).collect();
        items.sort_unstable();
        let consistent = made.call.request["ConsistentRead"] == true;
        let length = made.call.request["Key"].to_string().len();
        // The key of a credential is as long as its address.
        let length = if items == ["USER"] { length } else { 0 };
        let line = format!("{} {items:?} {length} {consistent} {:?}", made.call.operation, made.status);
        *kinds.entry(line).or_default() += 1;
    }
    kinds
}

async fn device_token(stage: &Stage, email: &str) -> Value {
    stage.log_in(email).await.expect(201).body["device_token"].clone()
}

/// Returns every kind of address, with a device token if possible.
async fn prepared(stage: &Stage) -> Vec<(&'static str, Value)> {
    let admin = stage.administrator(ADA).await;
    let mut devices = Vec::new();
    for email in [KNOWN, "changed@example.com", "suspended@example.com", "deleting@example.com"] {
        let user = stage.registered(email).await;
        let token = device_token(stage, email).await;
        match email {
            "changed@example.com" => {
                let tokens = stage::Tokens::of(&stage.log_in(email).await.expect(201).body);
                stage.change_password(&tokens.access, "another horse, another battery").await.expect(204);
            }
            "suspended@example.com" => drop(stage.suspend(&admin.access, &user).await.expect(200)),
            "deleting@example.com" => drop(stage.delete_user(&admin.access, &user).await.expect(204)),
            _ => {}
        }
        devices.push((email, token));
    }
    stage.imported("weak@example.com", WEAK).await;
    stage.imported("strong@example.com", STRONG).await;
    stage.create_user(&admin.access, "invited@example.com").await.expect(201);
    stage.register("pending@example.com").await.expect(202);
    let without = ["weak@example.com", "strong@example.com", "invited@example.com", "pending@example.com"];
    let without = without.into_iter().chain([KNOWN, ADA, "suspended@example.com", UNKNOWN]);
    devices.into_iter().chain(without.map(|email| (email, Value::Null))).collect()
}

#[tokio::test]
async fn every_address_takes_the_same_calls_and_one_hash() {
    let hashes: Arc<Mutex<usize>> = Arc::default();
    let counted = Arc::clone(&hashes);
    let stage = Stage::with(|setup| {
        setup.recording().logging_to(move |line| {
            let hashed = line.metrics().iter().filter(|metric| metric.name == "HashTime");
            *counted.lock().expect("a count") += hashed.count();
        })
    });
    let addresses = prepared(&stage).await;
    stage.settle().await;

    // With cached roles, and after the cache has expired.
    for pause in [Duration::ZERO, Duration::from_mins(2)] {
        let mut seen = Vec::new();
        for (email, device_token) in &addresses {
            stage.pass(pause);
            stage.forget_calls();
            *hashes.lock().expect("a count") = 0;
            let mut body = json!({"email": email, "password": "not the password at all"});
            if device_token.is_string() {
                body["device_token"] = device_token.clone();
            }

            stage.post("/v1/sessions", body).await.expect(401);

            seen.push((email, kinds(&stage), *hashes.lock().expect("a count")));
        }
        let (_, unknown, _) = seen.last().expect("an unknown address");
        let total: usize = unknown.values().sum();
        assert_eq!(
            total,
            if pause.is_zero() { 4 } else { 5 },
            "two reads, two limits, the roles: {unknown:?}"
        );
        for (email, calls, hashed) in &seen {
            assert_eq!(calls, unknown, "{email}");
            assert_eq!(*hashed, 1, "{email}");
        }
    }
}

/// For an unknown address the user is read under a random id, which differs each time.
#[tokio::test]
async fn an_unknown_address_reads_no_user_twice() {
    let stage = Stage::with(local::Setup::recording);
    let mut read = Vec::new();
    for _ in 0..2 {
        stage.log_in_with(UNKNOWN, PASSWORD).await.expect(401);
        let calls = of_log_in(stage.stack.calls());
        let keys =
            calls.iter().flat_map(|made| &made.call.touches).filter_map(|touch| touch.partition_key.clone());
        read.extend(keys.filter(|key| key.starts_with("USER#")));
    }
    assert_eq!(read.len(), 2);
    assert_ne!(read[0], read[1]);
}
