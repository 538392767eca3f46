//! Turns: of each event by itself, whether what it asks for is done.

use std::time::Duration;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use futures_util::future::join_all;
use gatepost_consumer::{Event, Lease, Turn, Turns};
use stage::Stage;

/// When the events happened.
const THEN: i64 = 1_795_230_000_000;
const LEASE: i64 = 60_000;
const TABLE: &str = "MailReceipts";

struct Place {
    turns: Turns,
    dynamodb: Client,
    _stage: Stage,
}

impl Place {
    fn new() -> Self {
        let stage = Stage::new();
        let dynamodb = Client::new(stage.stack.cloud("send-mail").expect("a cloud").sdk());
        let (kept, lease) = (Duration::from_hours(24), Duration::from_mins(1));
        Self { turns: Turns::new(dynamodb.clone(), TABLE, kept, lease), dynamodb, _stage: stage }
    }

    async fn take(&self, id: &str, part: &str, now: i64) -> Turn {
        self.turns.take(&event(id), part, now).await.expect("an answer")
    }

    async fn ours(&self, id: &str, part: &str, now: i64) -> Lease {
        match self.take(id, part, now).await {
            Turn::Ours(lease) => lease,
            other => panic!("not ours: {other:?}"),
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
async fn what_is_done_is_done_for_each_event_and_part_by_itself() {
    let place = Place::new();
    let lease = place.ours("e1", "a", THEN).await;
    place.turns.done(lease).await.expect("kept");

    for now in [THEN, THEN + LEASE, THEN + 100 * LEASE] {
        assert!(matches!(place.take("e1", "a", now).await, Turn::Done));
    }
    place.ours("e1", "b", THEN).await;
    place.ours("e2", "a", THEN).await;
}

#[tokio::test]
async fn of_twenty_copies_at_once_one_has_its_turn() {
    let place = Place::new();
    let copies = (0..20).map(|_| place.take("e1", "a", THEN));

    let turns = join_all(copies).await;

    let ours = turns.iter().filter(|turn| matches!(turn, Turn::Ours(_))).count();
    let elsewhere = turns.iter().filter(|turn| matches!(turn, Turn::Elsewhere)).count();
    assert_eq!((ours, elsewhere), (1, 19));
}

#[tokio::test]
async fn who_dies_has_had_the_turn_until_the_lease_is_over() {
    let place = Place::new();
    let dead = place.ours("e1", "a", THEN).await;

    assert!(matches!(place.take("e1", "a", THEN + LEASE).await, Turn::Elsewhere));
    let ours = place.ours("e1", "a", THEN + LEASE + 1).await;

    assert!(place.turns.give_back(dead).await.is_err(), "it is not theirs any more");
    assert!(matches!(place.take("e1", "a", THEN + LEASE + 2).await, Turn::Elsewhere));
    place.turns.done(ours).await.expect("kept");
    assert!(matches!(place.take("e1", "a", THEN + 9 * LEASE).await, Turn::Done));
}

#[tokio::test]
async fn what_could_not_be_done_is_tried_again_at_once() {
    let place = Place::new();
    let lease = place.ours("e1", "a", THEN).await;

    place.turns.give_back(lease).await.expect("given back");

    place.ours("e1", "a", THEN).await;
}

#[tokio::test]
async fn a_receipt_is_kept_as_long_as_was_said_and_older_events_are_told() {
    let place = Place::new();
    let lease = place.ours("e1", "a", THEN).await;
    place.turns.done(lease).await.expect("kept");

    let item = place.dynamodb.get_item().table_name(TABLE);
    let item = item.key("receipt", AttributeValue::S("e1/a".to_owned())).send().await.expect("an answer");
    let item = item.item.expect("a receipt");

    let day = 24 * 60 * 60;
    assert_eq!(item["ttl"], AttributeValue::N((THEN / 1000 + day).to_string()));
    let is_forgotten = |now| place.turns.may_have_forgotten(&event("e1"), now);
    assert!(!is_forgotten(THEN + day * 1000 - 1) && is_forgotten(THEN + day * 1000));
}
