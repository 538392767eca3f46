//! What a function asks of AWS ends in time, and is not asked for ever.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use cloud::{Deadline, Invocation};
use local::{
    Setup,
    calls::{Call, Fate, Refusal},
    functions::Environment,
};
use serde_json::json;
use tokio::time::Instant;

use crate::small::{FUNCTIONS, small};

/// An environment of `write`, which makes one call.
fn write(setup: Setup) -> (local::Stack, Environment) {
    let stack = setup.recording().start().expect("a stack");
    let environment = Environment::start("write", FUNCTIONS[0].1, &stack.cloud("write").expect("its cloud"));
    (stack, environment.expect("wired"))
}

async fn called(write: &Environment, time: Duration) -> bool {
    let invocation = Invocation { id: "1".to_owned(), xray: None, deadline: Deadline::after(time) };
    write.call(json!({"pathParameters": {"id": "n"}}).to_string(), invocation).await.is_ok()
}

const LONG: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_answered_ends_before_its_invocation_and_is_not_tried_again() {
    let (stack, write) = write(small().watched_by(|_| Fate::Silence));
    let began = Instant::now();

    assert!(!called(&write, Duration::from_secs(1)).await);

    assert_eq!(began.elapsed(), Duration::from_millis(700), "the rest is for the answer");
    assert_eq!(stack.calls().len(), 0, "it was never answered, and no other was made");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_end_in_time_is_not_begun() {
    let (stack, write) = write(small());
    let began = Instant::now();

    assert!(!called(&write, Duration::from_millis(349)).await);
    assert_eq!((began.elapsed(), stack.calls().len()), (Duration::ZERO, 0));

    assert!(called(&write, Duration::from_millis(351)).await);
    assert_eq!(stack.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_time_a_call_is_tried_three_times_with_short_pauses() {
    let (stack, write) = write(small().watched_by(|_| Fate::Refused(Refusal::THROTTLED)));
    let began = Instant::now();

    assert!(!called(&write, LONG).await);

    assert_eq!(stack.calls().len(), 3);
    assert!(began.elapsed() <= Duration::from_millis(300), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_stays_broken_is_soon_asked_once_a_call_and_again_more_often_when_it_has_recovered() {
    let is_broken = Arc::new(AtomicBool::new(true));
    let watched = Arc::clone(&is_broken);
    let (stack, write) = write(small().watched_by(move |_: &Call| {
        if watched.load(SeqCst) { Fate::Refused(Refusal::INTERNAL) } else { Fate::Proceed }
    }));
    for _ in 0..30 {
        assert!(!called(&write, LONG).await);
    }
    assert!(stack.calls().len() <= 30 + 20, "a hundred tokens are at most twenty retries");

    assert!(!called(&write, LONG).await);
    assert_eq!(stack.calls().len(), 1, "nothing is left to pay a retry");

    is_broken.store(false, SeqCst);
    for _ in 0..20 {
        assert!(called(&write, LONG).await);
    }
    is_broken.store(true, SeqCst);
    drop(stack.calls());
    assert!(!called(&write, LONG).await);
    assert_eq!(stack.calls().len(), 3, "each success gives a token back");
}
