//! Claims of single events.

use std::time::Duration;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use futures_util::future::join_all;
use gatepost_consumer::{Claim, Event, Lease, ProcessedEvents};
use stage::Stage;

/// When the events happened.
const THEN: i64 = 1_795_230_000_000;
const LEASE: i64 = 60_000;
const TABLE: &str = "MailReceipts";

struct Place {
    processed: ProcessedEvents,
    dynamodb: Client,
    _stage: Stage,
}

impl Place {
    fn new() -> Self {
        let stage = Stage::new();
        let dynamodb = Client::new(stage.stack.cloud("send-mail").expect("a cloud").sdk());
        let (kept, lease) = (Duration::from_hours(24), Duration::from_mins(1));
        Self {
            processed: ProcessedEvents::new(dynamodb.clone(), TABLE, kept, lease),
            dynamodb,
            _stage: stage,
        }
    }

    async fn claim(&self, id: &str, part: &str, now: i64) -> Claim {
        self.processed.claim(&event(id), part, now).await.expect("an answer")
    }

    async fn acquired(&self, id: &str, part: &str, now: i64) -> Lease {
        match self.claim(id, part, now).await {
            Claim::Acquired(lease) => lease,
            other => panic!("not acquired: {other:?}"),
        }
    }
}

fn event(id: &str) -> Event {
    let detail = format!(
        r#"{{"specversion":"1.0","id":"{id}","type":"t","subject":"user#1","time":"2026-11-21T03:00:00Z",
        "sequence":"1","epoch":1,"correlationid":"c","data":{{}}}}"#
    );
    Event::from_detail(&detail).expect("an event")
}

#[tokio::test]
async fn a_processed_part_of_an_event_is_not_claimed_again() {
    let place = Place::new();
    let lease = place.acquired("e1", "a", THEN).await;
    place.processed.complete(lease).await.expect("recorded");

    for now in [THEN, THEN + LEASE, THEN + 100 * LEASE] {
        assert!(matches!(place.claim("e1", "a", now).await, Claim::AlreadyProcessed));
    }
    place.acquired("e1", "b", THEN).await;
    place.acquired("e2", "a", THEN).await;
}

#[tokio::test]
async fn one_of_twenty_concurrent_copies_acquires_the_claim() {
    let place = Place::new();
    let copies = (0..20).map(|_| place.claim("e1", "a", THEN));

    let claims = join_all(copies).await;

    let acquired = claims.iter().filter(|claim| matches!(claim, Claim::Acquired(_))).count();
    let in_progress = claims.iter().filter(|claim| matches!(claim, Claim::InProgress)).count();
    assert_eq!((acquired, in_progress), (1, 19));
}

#[tokio::test]
async fn a_claim_can_be_acquired_again_after_its_lease() {
    let place = Place::new();
    let dead = place.acquired("e1", "a", THEN).await;

    assert!(matches!(place.claim("e1", "a", THEN + LEASE).await, Claim::InProgress));
    let current = place.acquired("e1", "a", THEN + LEASE + 1).await;

    assert!(place.processed.release(dead).await.is_err(), "another copy holds the claim");
    assert!(matches!(place.claim("e1", "a", THEN + LEASE + 2).await, Claim::InProgress));
    place.processed.complete(current).await.expect("recorded");
    assert!(matches!(place.claim("e1", "a", THEN + 9 * LEASE).await, Claim::AlreadyProcessed));
}

#[tokio::test]
async fn a_released_claim_can_be_acquired_immediately() {
    let place = Place::new();
    let lease = place.acquired("e1", "a", THEN).await;

    place.processed.release(lease).await.expect("released");

    place.acquired("e1", "a", THEN).await;
}

#[tokio::test]
async fn events_older_than_their_receipts_are_recognized() {
    let place = Place::new();
    let lease = place.acquired("e1", "a", THEN).await;
    place.processed.complete(lease).await.expect("recorded");

    let item = place.dynamodb.get_item().table_name(TABLE);
    let item = item.key("receipt", AttributeValue::S("e1/a".to_owned())).send().await.expect("an answer");
    let item = item.item.expect("a receipt");

    let day = 24 * 60 * 60;
    assert_eq!(item["ttl"], AttributeValue::N((THEN / 1000 + day).to_string()));
    let is_forgotten = |now| place.processed.may_have_forgotten(&event("e1"), now);
    assert!(!is_forgotten(THEN + day * 1000 - 1) && is_forgotten(THEN + day * 1000));
}
