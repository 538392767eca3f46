//! Rotating keys, tested through the local stack.
#![allow(clippy::expect_used, reason = "tests may panic: that is how they fail")]

mod algorithms;
mod failing;
mod load;
mod separation;

use std::{collections::BTreeSet, time::Duration};

use cloud::StoredSecret;
use domain::{Presented, Ring, Timestamp};
use keys::{Keyring, Peppers};
use local::{
    Request,
    calls::{Call, Fate},
};
use stage::{Answer, Stage, Tokens};
use tokens::{AccessClaims, Issuer, IssuerSettings};

const EMAIL: &str = "ada@example.com";
const HOUR: Duration = Duration::from_hours(1);

fn keyring(stage: &Stage) -> Keyring {
    Keyring::new(&stage.stack.cloud("rotate-keys").expect("a cloud")).expect("settings")
}

async fn run(stage: &Stage) {
    stage.stack.run_schedule("rotate-keys").await.expect("a run");
}

/// Returns the ids of the published keys.
async fn published(stage: &Stage) -> BTreeSet<String> {
    let jwks = stage.send(Request::get("/.well-known/jwks.json")).await.expect(200).body;
    let kids = jwks["keys"].as_array().expect("keys").iter().map(|key| key["kid"].as_str().expect("a kid"));
    kids.map(str::to_owned).collect()
}

/// Returns the id of the signing key.
async fn signing(stage: &Stage) -> String {
    kid_of(&Tokens::of(&stage.log_in(EMAIL).await.expect(201).body).access)
}

fn kid_of(access_token: &str) -> String {
    header_of(access_token)["kid"].as_str().expect("a kid").to_owned()
}

fn header_of(access_token: &str) -> serde_json::Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let header =
        URL_SAFE_NO_PAD.decode(access_token.split('.').next().expect("a header")).expect("base64url");
    serde_json::from_slice(&header).expect("JSON")
}

async fn refresh(stage: &Stage, tokens: &Tokens) -> Answer {
    stage.refresh(&tokens.refresh).await
}

#[tokio::test]
async fn a_key_is_published_an_hour_before_it_signs_until_its_last_token_expires() {
    let stage = Stage::new();
    let before = stage.signed_in(EMAIL).await;
    let first = kid_of(&before.access);

    run(&stage).await;
    let both = published(&stage).await;
    assert_eq!((both.len(), both.contains(&first)), (2, true));
    stage.pass(Duration::from_secs(3599));
    assert_eq!(signing(&stage).await, first);
    stage.pass(Duration::from_secs(1));
    let second = signing(&stage).await;
    assert!(second != first && both.contains(&second));

    stage.pass(Duration::from_hours(7 * 24 - 2));
    let after = Tokens::of(&refresh(&stage, &before).await.expect(200).body);
    assert_eq!(kid_of(&after.access), second);
    stage.pass(3 * HOUR);
    assert_eq!(published(&stage).await, BTreeSet::from([second]));
}

/// Returns an issuer with the key that signs at `moment`, as an attacker who stole the secret could create
/// it.
async fn issuer_at(stage: &Stage, moment: Timestamp) -> Issuer {
    let cloud = stage.stack.cloud("rotate-keys").expect("a cloud");
    let secret = StoredSecret::new(&cloud, "KEYS_SECRET").expect("a setting");
    let (text, _) = secret.read().await.expect("the secret");
    let seeds = Ring::parse_keys(&text).expect("a ring").seeds_at(moment);
    let settings = IssuerSettings {
        issuer: "http://127.0.0.1:9000".to_owned(),
        audience: "gatepost".to_owned(),
        lifetime: Duration::from_mins(10),
    };
    Issuer::new(&seeds, settings).expect("an issuer")
}

#[tokio::test]
async fn a_token_of_a_pending_key_is_refused_until_the_key_signs() {
    let stage = Stage::new();
    let user = stage.registered(EMAIL).await;
    let tokens = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    run(&stage).await;
    let now = stage.stack.clock().now();
    let pending = issuer_at(&stage, now.plus(HOUR)).await;
    let claims = AccessClaims {
        user_id: stage::id(&user).parse().expect("an id"),
        session_id: tokens.session_id.parse().expect("an id"),
        auth_time: now,
        roles: Vec::new(),
        scope: String::new(),
        token_id: stage.stack.cloud("rotate-keys").expect("a cloud").random().uuid(),
        attributes: domain::Attributes::default(),
    };
    let AccessClaims { user_id, session_id, .. } = claims;
    let access = |now| pending.access_token(&claims, now).expect("a token");
    let refresh = pending.refresh_token(Presented { user_id, session_id, generation: 0 });
    let kid = kid_of(access(now).expose());
    assert!(published(&stage).await.contains(&kid) && kid != kid_of(&tokens.access), "it is pending");

    let refused = stage.get("/v1/me", access(now).expose()).await.expect(401);
    assert_eq!(refused.problem(), "invalid-token");
    assert_eq!(stage.refresh(refresh.expose()).await.expect(401).problem(), "invalid-token");

    stage.pass(HOUR);
    stage.get("/v1/me", access(now.plus(HOUR)).expose()).await.expect(200);
}

#[tokio::test]
async fn it_rotates_when_the_key_is_old_enough_and_not_before() {
    let stage = Stage::with(|setup| setup.with_parameter("KeyRotationDays", "30"));
    stage.registered(EMAIL).await;
    run(&stage).await;
    stage.pass(HOUR);
    let first = signing(&stage).await;

    for _hour in 0..3 {
        stage.pass(HOUR);
        run(&stage).await;
    }
    stage.pass(Duration::from_hours(30 * 24 - 4));
    run(&stage).await;
    stage.pass(HOUR);
    assert_eq!(signing(&stage).await, first, "one hour too early");
    run(&stage).await;
    stage.pass(HOUR);
    assert_ne!(signing(&stage).await, first);
}

#[tokio::test]
async fn zero_days_disable_scheduled_rotation() {
    let stage = Stage::with(|setup| setup.with_parameter("KeyRotationDays", "0"));
    stage.registered(EMAIL).await;
    let first = signing(&stage).await;

    run(&stage).await;
    stage.pass(2 * HOUR);
    assert_eq!((signing(&stage).await, published(&stage).await.len()), (first.clone(), 1));

    keyring(&stage).rotate().await.expect("by hand");
    stage.pass(2 * HOUR);
    assert_ne!(signing(&stage).await, first);
}

#[tokio::test]
async fn a_retired_key_can_be_revoked_early_and_the_signing_key_cannot() {
    let stage = Stage::new();
    let old = stage.signed_in(EMAIL).await;
    run(&stage).await;
    stage.pass(HOUR);
    let new = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    let keyring = keyring(&stage);

    assert!(keyring.retire(&kid_of(&new.access)).await.is_err());
    assert!(keyring.retire("no-such-key").await.is_err());
    keyring.retire(&kid_of(&old.access)).await.expect("retired");

    stage.pass(Duration::from_mins(5));
    assert_eq!(published(&stage).await, BTreeSet::from([kid_of(&new.access)]));
    assert_eq!(refresh(&stage, &old).await.expect(401).problem(), "invalid-token");
    refresh(&stage, &new).await.expect(200);
}

#[tokio::test]
async fn revoking_all_keys_ends_every_session_and_keeps_passwords() {
    let stage = Stage::new();
    let stolen = stage.signed_in(EMAIL).await;
    run(&stage).await;
    let pending: Vec<_> = published(&stage).await.into_iter().collect();
    stage.get("/v1/me", &stolen.access).await.expect(200);

    let peppers = Peppers::new(&stage.stack.cloud("log-in").expect("a cloud")).expect("settings");
    peppers.add().await.expect("a pepper");
    keyring(&stage).revoke_all().await.expect("revoked");
    stage.pass(Duration::from_mins(5));

    assert_eq!(stage.get("/v1/me", &stolen.access).await.expect(401).problem(), "invalid-token");
    assert_eq!(refresh(&stage, &stolen).await.expect(401).problem(), "invalid-token");
    let new = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    assert!(!pending.contains(&kid_of(&new.access)), "pending keys of the stolen secret are revoked too");
    stage.get("/v1/me", &new.access).await.expect(200);
    assert_eq!(published(&stage).await, BTreeSet::from([kid_of(&new.access)]));
    stage.pass(HOUR);
    assert_eq!(stage.log_in(EMAIL).await.expect(201).status, 201, "rehashed with the new pepper");
    stage.log_in(EMAIL).await.expect(201);
}

#[tokio::test]
async fn a_function_with_older_keys_accepts_a_token_of_a_newer_key() {
    let stage = Stage::new();
    let first = stage.signed_in(EMAIL).await;
    stage.pass(Duration::from_mins(4));
    refresh(&stage, &first).await.expect(200);
    keyring(&stage).revoke_all().await.expect("revoked");
    // Only log-in has read the new key by now.
    stage.pass(Duration::from_secs(70));
    let newer = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    assert_ne!(kid_of(&newer.access), kid_of(&first.access));

    refresh(&stage, &newer).await.expect(200);
}

#[tokio::test]
async fn two_concurrent_rotations_are_one() {
    // Both runs read the same keyring and store a version before either becomes current. Then the version of
    // the first loses its label, and may be deleted.
    let slowly = |call: &Call| match call.operation.as_str() {
        "PutSecretValue" | "UpdateSecretVersionStage" => Fate::Delayed(Duration::from_millis(30)),
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| setup.watched_by(slowly));
    stage.signed_in(EMAIL).await;
    let (one, other) = (keyring(&stage), keyring(&stage));

    let (one, other) = tokio::join!(one.rotate(), other.rotate());

    assert_eq!((one.is_ok(), other.is_ok()), (true, true));
    assert_eq!(published(&stage).await.len(), 2);
}
