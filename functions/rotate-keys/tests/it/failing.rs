//! Interruptions and outages.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use domain::SigningAlgorithm;
use local::calls::{Call, Fate, Refusal};
use stage::{Stage, Tokens, faults::Outage};

use crate::{EMAIL, HOUR, header_of, keyring, published, refresh, run, signing};

/// Interrupts a run at a step. Returns whether the run has that step.
async fn broken_off_at(step: usize, fate: fn() -> Fate) -> bool {
    let (outage, watcher) = Outage::after(step, "rotate-keys", fate);
    let stage = Stage::with(|setup| setup.watched_by(watcher));
    let tokens = stage.signed_in(EMAIL).await;
    let first = signing(&stage).await;

    outage.begin();
    let has_failed = stage.stack.run_schedule("rotate-keys").await.is_err();
    outage.end();

    stage.pass(3 * HOUR);
    let known = published(&stage).await;
    let still = signing(&stage).await;
    assert!(known.contains(&still), "step {step}: published before it signs");
    run(&stage).await;
    assert_eq!(published(&stage).await.len(), 2, "step {step}: one rotation");
    stage.pass(2 * HOUR);
    assert_ne!(signing(&stage).await, first, "step {step}: it is completed");
    refresh(&stage, &tokens).await.expect(200);
    stage.pass(Duration::from_hours(8 * 24));
    assert_eq!(published(&stage).await.len(), 1, "step {step}: the old one is gone");
    has_failed
}

#[tokio::test]
async fn an_interrupted_rotation_is_completed_by_the_next_run() {
    let fates: [fn() -> Fate; 2] =
        [|| Fate::Refused(Refusal::ACCESS_DENIED), || Fate::DoneBut(Refusal::ACCESS_DENIED)];
    for fate in fates {
        let mut step = 0;
        while broken_off_at(step, fate).await {
            step += 1;
        }
        assert!(step > 10, "each step was interrupted: {step}");
    }
}

/// Simulates an outage of Secrets Manager, switched on by a flag. Counts the calls.
fn secrets_manager() -> (Arc<AtomicBool>, Arc<AtomicUsize>, impl Fn(&Call) -> Fate + Send + Sync + 'static) {
    let (is_down, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (down, count) = (Arc::clone(&is_down), Arc::clone(&asked));
    let watcher = move |call: &Call| {
        if call.service != "secretsmanager" {
            return Fate::Proceed;
        }
        count.fetch_add(1, SeqCst);
        if down.load(SeqCst) { Fate::Refused(Refusal::ACCESS_DENIED) } else { Fate::Proceed }
    };
    (is_down, asked, watcher)
}

#[tokio::test]
async fn warm_functions_work_for_hours_without_secrets_manager() {
    let (is_down, asked, watcher) = secrets_manager();
    let stage = Stage::with(|setup| setup.watched_by(watcher));
    let mut tokens = stage.signed_in(EMAIL).await;
    tokens = Tokens::of(&refresh(&stage, &tokens).await.expect(200).body);
    let first = signing(&stage).await;
    keyring(&stage).rotate().await.expect("a rotation");
    stage.pass(Duration::from_mins(10));
    tokens = Tokens::of(&refresh(&stage, &tokens).await.expect(200).body);
    assert_eq!(signing(&stage).await, first);

    is_down.store(true, SeqCst);
    for _ in 0..12 {
        stage.pass(HOUR);
        tokens = Tokens::of(&refresh(&stage, &tokens).await.expect(200).body);
        stage.get("/v1/me", &tokens.access).await.expect(200);
        stage.log_in(EMAIL).await.expect(201);
    }
    assert_ne!(signing(&stage).await, first, "the pending key is used without a call");

    // Requests do not wait for Secrets Manager.
    let before = asked.load(SeqCst);
    for _ in 0..20 {
        stage.log_in(EMAIL).await.expect(201);
    }
    assert_eq!(asked.load(SeqCst), before);
}

#[tokio::test]
async fn a_new_algorithm_starts_on_time_without_secrets_manager() {
    let (is_down, _, watcher) = secrets_manager();
    let stage = Stage::with(|setup| setup.watched_by(watcher));
    let tokens = stage.signed_in(EMAIL).await;
    let mut tokens = Tokens::of(&refresh(&stage, &tokens).await.expect(200).body);
    keyring(&stage).signing_by(SigningAlgorithm::Rs512).rotate().await.expect("a rotation");
    stage.pass(Duration::from_mins(10));
    stage.log_in(EMAIL).await.expect(201);
    tokens = Tokens::of(&refresh(&stage, &tokens).await.expect(200).body);

    is_down.store(true, SeqCst);
    let mut names = Vec::new();
    for _ in 0..4 {
        stage.pass(HOUR);
        tokens = Tokens::of(&refresh(&stage, &tokens).await.expect(200).body);
        let new = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
        for token in [&tokens.access, &new.access] {
            stage.get("/v1/me", token).await.expect(200);
            names.push(header_of(token)["alg"].clone());
        }
    }

    assert_eq!(names, ["ES256", "ES256", "ES256", "ES256", "RS512", "RS512", "RS512", "RS512"]);
}

#[tokio::test]
async fn forged_tokens_read_the_secret_once() {
    let (is_down, asked, watcher) = secrets_manager();
    let stage = Stage::with(|setup| setup.watched_by(watcher));
    let tokens = stage.signed_in(EMAIL).await;
    let tokens = Tokens::of(&refresh(&stage, &tokens).await.expect(200).body);
    stage.pass(Duration::from_secs(30));
    let forged = format!("gpr_{}", "A".repeat(104));

    let before = asked.load(SeqCst);
    for _ in 0..50 {
        assert_eq!(stage.refresh(&forged).await.expect(401).problem(), "invalid-token");
    }
    assert_eq!(asked.load(SeqCst), before + 1);

    // During an outage, tokens of unknown keys are not refused.
    is_down.store(true, SeqCst);
    stage.pass(Duration::from_secs(30));
    for _ in 0..50 {
        stage.refresh(&forged).await.expect(503);
    }
    assert_eq!(asked.load(SeqCst), before + 2);
    refresh(&stage, &tokens).await.expect(200);
}
