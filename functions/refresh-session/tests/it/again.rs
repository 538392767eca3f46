//! Retries of a refresh under its idempotency key, after interruptions between the rotation and the stored
//! response, or at any other call.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use local::{
    Request,
    calls::{Call, Fate, Refusal},
};
use serde_json::json;
use stage::{Answer, Stage, Tokens, faults::Outage};

const EMAIL: &str = "ada@example.com";
const KEY: &str = "0f6d1f4e-3c52-4a39-9f0c-8f3d1a5b7c2d";

async fn refresh(stage: &Stage, refresh_token: &str) -> Answer {
    let request = Request::post("/v1/sessions/refresh", &json!({"refresh_token": refresh_token}));
    stage.send(request.header("idempotency-key", KEY)).await
}

/// Creates a stage on which writes of stored responses meet `fate` while the flag is set, and a session.
async fn without_receipts(fate: fn() -> Fate) -> (Stage, Arc<AtomicBool>, Tokens) {
    let is_broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&is_broken);
    let watcher = move |call: &Call| {
        let is_meant = call.function == "refresh-session" && call.operation == "PutItem";
        let is_meant = is_meant && call.request.to_string().contains("IDEMPOTENCY#");
        if is_meant && switch.load(SeqCst) { fate() } else { Fate::Proceed }
    };
    let stage = Stage::with(|setup| setup.watched_by(watcher));
    let tokens = stage.signed_in(EMAIL).await;
    (stage, is_broken, tokens)
}

#[tokio::test]
async fn a_retry_without_a_stored_response_gets_the_same_successor_and_stores_one() {
    let fates: [fn() -> Fate; 2] = [|| Fate::RequestLost, || Fate::Refused(Refusal::ACCESS_DENIED)];
    for fate in fates {
        let (stage, is_broken, first) = without_receipts(fate).await;
        is_broken.store(true, SeqCst);
        let broken = refresh(&stage, &first.refresh).await;
        assert!(broken.status >= 500, "{}", broken.body);
        is_broken.store(false, SeqCst);

        stage.pass(Duration::from_secs(10));
        let retried = refresh(&stage, &first.refresh).await.expect(200);

        // The stored response is returned: the previous token is refused by now.
        stage.pass(Duration::from_mins(5));
        assert_eq!(refresh(&stage, &first.refresh).await.expect(200).body, retried.body);
        stage.refresh(&Tokens::of(&retried.body).refresh).await.expect(200);
    }
}

#[tokio::test]
async fn a_stored_response_whose_write_was_uncertain_is_returned() {
    let (stage, is_broken, first) = without_receipts(|| Fate::AnswerLost).await;
    is_broken.store(true, SeqCst);
    let answer = refresh(&stage, &first.refresh).await.expect(200);
    is_broken.store(false, SeqCst);

    stage.pass(Duration::from_mins(5));

    assert_eq!(refresh(&stage, &first.refresh).await.expect(200).body, answer.body);
    stage.refresh(&Tokens::of(&answer.body).refresh).await.expect(200);
}

/// An idempotency key without a stored response does not extend the retry window. See the decision about
/// idempotency.
#[tokio::test]
async fn without_a_stored_response_a_late_retry_counts_as_theft() {
    let (stage, is_broken, first) = without_receipts(|| Fate::RequestLost).await;
    is_broken.store(true, SeqCst);
    refresh(&stage, &first.refresh).await.expect(503);
    is_broken.store(false, SeqCst);

    stage.pass(Duration::from_millis(10_001));

    assert_eq!(refresh(&stage, &first.refresh).await.expect(401).problem(), "token-reused");
}

/// Loses the request or the response of each call in turn.
#[tokio::test]
async fn after_a_lost_call_a_retry_returns_a_valid_token() {
    let fates: [fn() -> Fate; 2] = [|| Fate::RequestLost, || Fate::AnswerLost];
    for fate in fates {
        let (mut lost, mut failed) = (0, 0);
        loop {
            let (outage, watcher) = Outage::after(lost, "refresh-session", fate);
            let stage = Stage::with(|setup| setup.watched_by(watcher));
            let first = stage.signed_in(EMAIL).await;

            outage.begin();
            let answer = refresh(&stage, &first.refresh).await;
            outage.end();
            let again = refresh(&stage, &first.refresh).await.expect(200);

            stage.refresh(&Tokens::of(&again.body).refresh).await.expect(200);
            if answer.status == 200 {
                assert_eq!(answer.body, again.body, "{lost}");
                break;
            }
            assert_eq!(answer.status, 503, "{lost}: {}", answer.body);
            (lost, failed) = (lost + 1, failed + 1);
        }
        assert!(failed >= 3, "the look for a receipt, the rotation, the user: {failed}");
    }
}
