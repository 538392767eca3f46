//! The canary, seen from outside: sent by the sweeper, it comes back only if all is well in between.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use local::calls::{Fate, Refusal};
use stage::Stage;

/// Sends a canary, which takes a while.
async fn age(stage: &Stage) -> Option<u64> {
    stage.stack.run_schedule("sweep-events").await.expect("a sweep");
    stage.pass(Duration::from_secs(3));
    let _ = stage.stack.settle().await;
    stage.stack.metrics().get("CanaryAge").copied()
}

#[tokio::test]
async fn it_comes_back_by_stream_relay_bus_and_rule() {
    assert_eq!(age(&Stage::new()).await, Some(3000));
}

#[tokio::test]
async fn no_rule_for_the_events_of_gatepost_brings_it() {
    let stage = Stage::new();
    age(&stage).await;

    let canary = stage.stack.events().pop().expect("an event");

    assert_eq!((canary.source.as_str(), canary.detail_type.as_str()), ("gatepost.canary", "canary.sent"));
    assert_eq!(stage.stack.events().len(), 1);
}

#[tokio::test]
async fn it_is_missed_when_anything_on_its_way_is_broken() {
    let broken = [
        (r#", {"prefix": "canary#"}"#, ""),
        ("Pattern: { source: [gatepost.canary] }", "Pattern: { source: [somebody] }"),
        ("OrderedBus.EventBusArn, !Ref Bus]", "OrderedBus.EventBusArn, another-bus]"),
    ];
    for (right, wrong) in broken {
        let template = local::template::OF_THIS_BUILD.replace(right, wrong);
        assert_ne!(template, local::template::OF_THIS_BUILD, "{right}");

        let stage = Stage::with(|setup| setup.with_template(template));

        assert_eq!(age(&stage).await, None, "{wrong}");
    }
}

#[tokio::test]
async fn it_is_missed_when_the_relay_may_not_publish() {
    let stage = Stage::with(|setup| {
        setup.watched_by(|call| match call.operation.as_str() {
            "PutEvents" => Fate::Refused(Refusal::ACCESS_DENIED),
            _ => Fate::Proceed,
        })
    });

    assert_eq!(age(&stage).await, None);
}

#[tokio::test]
async fn it_leaves_nothing_behind_and_the_sweeper_never_sends_it_again() {
    let stage = Stage::with(|setup| {
        setup.watched_by(|call| match (call.function.as_str(), call.operation.as_str()) {
            ("relay-events", "PutEvents") => Fate::Refused(Refusal::ACCESS_DENIED),
            _ => Fate::Proceed,
        })
    });
    age(&stage).await;
    stage.pass(Duration::from_mins(30));

    stage.stack.run_schedule("sweep-events").await.expect("a sweep");

    assert!(stage.stack.events().is_empty());
    assert_eq!(stage.stack.metrics()["OldestPendingEvent"], 0);
}
