//! DynamoDB can cancel a transaction for many reasons. For each combination, the request is refused for a
//! business reason, or can be retried: it never returns 500.

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use local::calls::{Call, Fate};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use stage::Stage;

use crate::again;

/// Every code of a cancellation reason.
const CODES: [&str; 8] = [
    "None",
    "ConditionalCheckFailed",
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
    "ItemCollectionSizeLimitExceeded",
    "ValidationError",
    "DuplicateItem",
];
/// The highest number of items in a command.
const WRITES: usize = 12;
/// The number of random combinations beside the fixed ones. Each one uses up a free attempt.
const DRAWN: usize = 7;

const PICTURE: &str = "PUT /v1/me/picture";

type Reasons = Vec<&'static str>;

/// Returns each code for all writes, and failed conditions at some of the first writes beside another code at
/// the others.
fn combinations() -> Vec<Reasons> {
    let of_all = CODES.iter().skip(1).map(|code| vec![*code; WRITES]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng());
    let drawn = proptest::collection::vec(proptest::sample::select(&CODES[..]), WRITES);
    let drawn = (0..DRAWN).map(|_| drawn.new_tree(&mut runner).expect("reasons").current());
    of_all.chain(drawn.collect::<Vec<_>>()).collect()
}

fn rng() -> proptest::test_runner::TestRng {
    proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha)
}

/// Returns a failed condition at each single write.
fn alone() -> Vec<Reasons> {
    let at = |position| (0..WRITES).map(|write| CODES[usize::from(write == position)]).collect();
    (0..7).map(at).collect()
}

async fn refused(route: String, combinations: Vec<Reasons>) {
    let reasons: Arc<Mutex<Option<Reasons>>> = Arc::default();
    let current = Arc::clone(&reasons);
    let cancelled = move |call: &Call| match &*current.lock().expect("reasons") {
        Some(reasons) if call.operation == "TransactWriteItems" => Fate::Cancelled(reasons.clone()),
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| {
        setup
            .with_parameter("LogInAttemptsPerAddress", "15")
            .with_parameter("MailRequestsPerAddress", "100")
            .watched_by(cancelled)
    });
    let request = again::ready(&route, &stage).await;
    stage.settle().await;
    for combination in combinations {
        *reasons.lock().expect("reasons") = Some(combination.clone());

        let answer = stage.send(request.clone()).await;

        // A session that has ended counts as ended by the request.
        let is_decided = answer.status < 500 || answer.status == 503;
        assert!(is_decided, "{route}, {combination:?}: {} {}", answer.status, answer.body);
        assert_ne!(answer.status, 429, "{route}: the limit came first");
    }
    if route == PICTURE {
        return;
    }
    *reasons.lock().expect("reasons") = None;
    let done = stage.send(request).await;
    assert!((200..300).contains(&done.status), "{route}: {}", done.body);
}

/// Refuses one route after another. Each combination for a picture has its own stage, since a request uses up
/// the upload.
async fn all_refused(combinations: Vec<Reasons>) {
    let pictures = combinations.iter().map(|one| refused(PICTURE.to_owned(), vec![one.clone()]));
    let others = transacting().map(|route| refused(route, combinations.clone()));
    tokio::join!(join_all(pictures), join_all(others));
}

/// Returns the routes whose command is a transaction. A refresh is one conditional update.
fn transacting() -> impl Iterator<Item = String> {
    again::changing().into_iter().filter(|route| !["POST /v1/sessions/refresh", PICTURE].contains(&&**route))
}

#[tokio::test]
async fn every_combination_of_reasons_is_a_refusal_or_may_be_sent_again() {
    all_refused(combinations()).await;
}

#[tokio::test]
async fn a_condition_that_fails_at_any_write_alone_is_a_refusal_or_may_be_sent_again() {
    all_refused(alone()).await;
}
