//! The same refresh again under its key: broken off between the rotation and its receipt, or anywhere.

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

/// A stage on which the write of a receipt meets this fate as long as it is said; and somebody's session.
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
async fn broken_off_before_its_receipt_a_retry_gets_the_same_successor_and_a_receipt() {
    let fates: [fn() -> Fate; 2] = [|| Fate::RequestLost, || Fate::Refused(Refusal::ACCESS_DENIED)];
    for fate in fates {
        let (stage, is_broken, first) = without_receipts(fate).await;
        is_broken.store(true, SeqCst);
        let broken = refresh(&stage, &first.refresh).await;
        assert!(broken.status >= 500, "{}", broken.body);
        is_broken.store(false, SeqCst);

        stage.pass(Duration::from_secs(10));
        let retried = refresh(&stage, &first.refresh).await.expect(200);

        // By now it is the receipt that answers: the token of before is no good any more.
        stage.pass(Duration::from_mins(5));
        assert_eq!(refresh(&stage, &first.refresh).await.expect(200).body, retried.body);
        stage.refresh(&Tokens::of(&retried.body).refresh).await.expect(200);
    }
}

#[tokio::test]
async fn a_receipt_whose_answer_was_lost_answers_all_the_same() {
    let (stage, is_broken, first) = without_receipts(|| Fate::AnswerLost).await;
    is_broken.store(true, SeqCst);
    let answer = refresh(&stage, &first.refresh).await.expect(200);
    is_broken.store(false, SeqCst);

    stage.pass(Duration::from_mins(5));

    assert_eq!(refresh(&stage, &first.refresh).await.expect(200).body, answer.body);
    stage.refresh(&Tokens::of(&answer.body).refresh).await.expect(200);
}

/// What the decision says: a key does not make the time of a retry longer when there is no receipt.
#[tokio::test]
async fn without_a_receipt_a_retry_that_comes_too_late_is_a_theft() {
    let (stage, is_broken, first) = without_receipts(|| Fate::RequestLost).await;
    is_broken.store(true, SeqCst);
    refresh(&stage, &first.refresh).await.expect(503);
    is_broken.store(false, SeqCst);

    stage.pass(Duration::from_millis(10_001));

    assert_eq!(refresh(&stage, &first.refresh).await.expect(401).problem(), "token-reused");
}

/// Every call, lost on its way there or back, for as long as the request lasts.
#[tokio::test]
async fn whatever_is_lost_a_retry_is_answered_with_a_token_that_is_good() {
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
