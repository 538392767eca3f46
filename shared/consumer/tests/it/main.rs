//! Positions, which commit together with the state, and claims of single events.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod processed_events;

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, Put},
};
use futures_util::future::join_all;
use gatepost_consumer::{
    Committed::{Done, Overtaken, Refused},
    Event, PositionError, Positions, TransactWriteItem, Verdict,
};
use stage::Stage;

/// A table of positions beside those of the template. It also holds the state.
const TABLE: &str = "Positions";
const DEFINITION: &str = "
  Positions:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: subject, AttributeType: S }]
      KeySchema: [{ AttributeName: subject, KeyType: HASH }]
      TimeToLiveSpecification: { AttributeName: ttl, Enabled: true }

Outputs:
";

struct Place {
    positions: Positions,
    dynamodb: Client,
    _stage: Stage,
}

impl Place {
    fn new() -> Self {
        let template = local::template::OF_THIS_BUILD.replace("\nOutputs:\n", DEFINITION);
        let stage = Stage::with(|setup| setup.with_template(template));
        let cloud = stage.stack.cloud("send-mail").expect("a cloud");
        let dynamodb = Client::new(cloud.sdk());
        Self { positions: Positions::new(dynamodb.clone(), TABLE), dynamodb, _stage: stage }
    }

    async fn item(&self, subject: &str) -> Option<std::collections::HashMap<String, AttributeValue>> {
        let get = self.dynamodb.get_item().table_name(TABLE).consistent_read(true);
        get.key("subject", AttributeValue::S(subject.to_owned())).send().await.expect("an answer").item
    }

    /// Returns the last value that [`state`] has written.
    async fn state(&self) -> String {
        let item = self.item("state").await.unwrap_or_default();
        item.get("value").and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
    }
}

fn event(epoch: u64, sequence: u64) -> Event {
    let detail = format!(
        r#"{{"specversion":"1.0","id":"{epoch}/{sequence}","type":"t","subject":"user#1","time":"2026-11-21T03:00:00Z",
        "sequence":"{sequence}","epoch":{epoch},"correlationid":"c","data":{{}}}}"#
    );
    Event::from_detail(&detail).expect("an event")
}

/// Returns the consumer's own write, optionally with a condition that never holds.
fn state(value: &str, condition: Option<&str>) -> TransactWriteItem {
    let put = Put::builder()
        .table_name(TABLE)
        .item("subject", AttributeValue::S("state".to_owned()))
        .item("value", AttributeValue::S(value.to_owned()))
        .set_condition_expression(condition.map(str::to_owned));
    TransactWriteItem::builder().put(put.build().expect("a write")).build()
}

#[tokio::test]
async fn state_and_position_move_together_and_forward_only() {
    let place = Place::new();
    let cases = [
        (event(1, 2), Done, "1/2"),
        (event(1, 2), Overtaken, "1/2"),
        (event(1, 1), Overtaken, "1/2"),
        (event(1, 5), Done, "1/5"),
        // After a restore, lower numbers occur again, and events of the old epoch are ignored.
        (event(2, 3), Done, "2/3"),
        (event(1, 9), Overtaken, "2/3"),
        (event(2, 4), Done, "2/4"),
    ];
    for (event, expected, state_after) in cases {
        let committed = place.positions.commit(&event, [state(&event.id, None)]).await.expect("an answer");

        assert_eq!(committed, expected, "{}", event.id);
        assert_eq!(place.state().await, state_after);
    }
    assert_eq!(place.positions.judge(&event(2, 5)).await.expect("a verdict"), Verdict::New);
    assert_eq!(place.positions.judge(&event(2, 4)).await.expect("a verdict"), Verdict::Duplicate);
}

#[tokio::test]
async fn a_failed_condition_of_the_consumer_does_not_move_the_position() {
    let place = Place::new();
    let never = state("1/1", Some("attribute_exists(nothing)"));

    let committed = place.positions.commit(&event(1, 1), [never]).await.expect("an answer");

    assert_eq!(committed, Refused);
    assert_eq!(place.positions.judge(&event(1, 1)).await.expect("a verdict"), Verdict::New);
}

#[tokio::test]
async fn one_of_twenty_concurrent_copies_takes_effect() {
    let place = Place::new();
    let event = event(1, 1);
    let copies: Vec<_> = (0..20).map(|copy| state(&copy.to_string(), None)).collect();

    let commits = copies.into_iter().map(|state| place.positions.commit(&event, [state]));
    let committed = join_all(commits).await;

    let done: Vec<_> = committed.iter().enumerate().filter(|(_, it)| matches!(it, Ok(Done))).collect();
    assert_eq!(done.len(), 1);
    assert_eq!(place.state().await, done[0].0.to_string());
}

#[tokio::test]
async fn a_position_is_kept_forever_or_for_the_given_time() {
    let place = Place::new();
    place.positions.commit(&event(1, 1), []).await.expect("an answer");
    assert!(!place.item("user#1").await.expect("a position").contains_key("ttl"));

    let kept = place.positions.clone().kept_for(Duration::from_mins(1));
    kept.commit(&event(1, 2), []).await.expect("an answer");

    let ttl = &place.item("user#1").await.expect("a position")["ttl"];
    assert_eq!(ttl, &AttributeValue::N("1795230060".to_owned()), "a minute after it happened");
}

#[tokio::test]
async fn a_malformed_position_is_reported() {
    let place = Place::new();
    let put = place.dynamodb.put_item().table_name(TABLE);
    put.item("subject", AttributeValue::S("user#1".to_owned())).send().await.expect("an item");

    let judged = place.positions.judge(&event(1, 1)).await;

    let attribute = match judged {
        Err(PositionError::Malformed { attribute }) => attribute,
        other => panic!("not malformed: {other:?}"),
    };
    assert_eq!(attribute, "epoch");
}
