//! The canary of the sweeper, which returns only if every step on its way works.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use local::calls::{Fate, Refusal};
use stage::Stage;

/// Sends a canary that takes some time. Returns its measured age.
async fn age(stage: &Stage) -> Option<u64> {
    stage.stack.run_schedule("sweep-events").await.expect("a sweep");
    stage.pass(Duration::from_secs(3));
    let _ = stage.stack.settle().await;
    stage.stack.metrics().get("CanaryAge").copied()
}

#[tokio::test]
async fn the_canary_returns_through_stream_relay_bus_and_rule() {
    assert_eq!(age(&Stage::new()).await, Some(3000));
}

#[tokio::test]
async fn rules_for_the_events_of_gatepost_do_not_match_it() {
    let stage = Stage::new();
    age(&stage).await;

    let canary = stage.stack.events().pop().expect("an event");

    assert_eq!((canary.source.as_str(), canary.detail_type.as_str()), ("gatepost.canary", "canary.sent"));
    assert_eq!(stage.stack.events().len(), 1);
}

#[tokio::test]
async fn the_canary_is_missing_when_any_step_is_broken() {
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
async fn the_canary_is_missing_when_the_relay_lacks_permission() {
    let stage = Stage::with(|setup| {
        setup.watched_by(|call| match call.operation.as_str() {
            "PutEvents" => Fate::Refused(Refusal::ACCESS_DENIED),
            _ => Fate::Proceed,
        })
    });

    assert_eq!(age(&stage).await, None);
}

#[tokio::test]
async fn the_canary_leaves_no_items_and_is_never_resent() {
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
