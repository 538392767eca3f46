//! The services, as the SDK sees them.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use local::{News, Request, Stack};

use crate::small::{TEMPLATE, small};

fn entry(
    stack: &Stack,
) -> (aws_sdk_eventbridge::Client, aws_sdk_eventbridge::types::builders::PutEventsRequestEntryBuilder) {
    let cloud = stack.cloud("relay").expect("its cloud");
    let entry =
        PutEventsRequestEntry::builder().source("small").detail_type("x").detail("{}").event_bus_name("Bus");
    (aws_sdk_eventbridge::Client::new(cloud.sdk()), entry)
}

#[tokio::test]
async fn each_event_is_taken_or_refused_on_its_own() {
    let stack = small().start().expect("a stack");
    let (client, entry) = entry(&stack);
    let answer = client
        .put_events()
        .entries(entry.clone().build())
        .entries(entry.clone().detail("no json").build())
        .entries(entry.clone().set_source(None).build())
        .entries(entry.clone().source("aws.s3").build())
        .entries(entry.clone().detail_type("x".repeat(129)).build())
        .entries(entry.clone().source("x".repeat(257)).build())
        .entries(entry.clone().event_bus_name("nowhere").build())
        .send()
        .await
        .expect("an answer");
    let codes: Vec<_> = answer.entries().iter().map(|entry| entry.error_code().unwrap_or("taken")).collect();
    let expected = [
        "taken",
        "MalformedDetail",
        "InvalidArgument",
        "NotAuthorizedForSourceException",
        "InvalidArgument",
        "InvalidArgument",
        "taken",
    ];
    assert_eq!(codes, expected);
    assert_eq!(answer.failed_entry_count(), 5);
    // As on AWS, what is put on a bus that does not exist is taken, and gone.
    assert_eq!(stack.events().len(), 1);
}

#[tokio::test]
async fn a_call_with_too_many_or_too_large_events_is_refused_as_a_whole() {
    let stack = small().start().expect("a stack");
    let (client, entry) = entry(&stack);
    let many = client.put_events().set_entries(Some(vec![entry.clone().build(); 11])).send().await;
    assert!(many.is_err());
    let detail = format!(r#"{{"x":"{}"}}"#, "x".repeat(256 * 1024));
    assert!(client.put_events().entries(entry.detail(detail).build()).send().await.is_err());
    assert_eq!(stack.events(), []);
}

#[tokio::test]
async fn a_rule_puts_what_matches_into_its_queue() {
    let stack = small().start().expect("a stack");
    let (client, entry) = entry(&stack);
    let put = client.put_events().entries(entry.clone().detail_type("note.written").build());
    put.entries(entry.detail_type("other").build()).send().await.expect("an answer");
    let waiting = stack.waiting("MailQueue");
    assert_eq!(waiting.len(), 1);
    assert!(waiting[0].contains(r#""detail-type":"note.written""#), "{}", waiting[0]);
}

/// `docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html`, "`MaximumMessageSize`".
#[tokio::test]
async fn a_message_that_is_too_large_for_its_queue_is_dropped_and_reported() {
    let text = TEMPLATE.replace("VisibilityTimeout: 30", "MaximumMessageSize: 1024");
    let stack = small().with_template(text).start().expect("a stack");
    let (client, entry) = entry(&stack);
    let mut news = stack.news();
    let entry = |letters: usize| {
        let detail = format!(r#"{{"x":"{}"}}"#, "x".repeat(letters));
        entry.clone().detail_type("note.written").detail(detail).build()
    };

    client.put_events().entries(entry(1024)).entries(entry(512)).send().await.expect("an answer");

    let waiting = stack.waiting("MailQueue");
    assert_eq!(waiting.len(), 1);
    assert!(waiting[0].contains(&"x".repeat(512)) && !waiting[0].contains(&"x".repeat(513)));
    assert!(matches!(news.try_recv(), Ok(News::Trouble(trouble)) if trouble.contains("MailQueue")));
}

#[tokio::test]
async fn the_secret_is_made_by_the_template() {
    let stack = small().start().expect("a stack");
    let cloud = stack.cloud("relay").expect("its cloud");
    let client = aws_sdk_secretsmanager::Client::new(cloud.sdk());
    let secret = client.get_secret_value().secret_id("Key").send().await.expect("the secret");
    let secret = domain::Ring::parse_keys(secret.secret_string().unwrap_or_default()).expect("a ring");
    let seeds = secret.seeds_at(domain::Timestamp::from_millis(0));
    assert_eq!(seeds.current().len(), 64);
    assert!(client.get_secret_value().secret_id("Other").send().await.is_err());
}

#[tokio::test]
async fn a_cancelled_transaction_says_which_condition_failed() {
    use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
    let stack = small().start().expect("a stack");
    let client = aws_sdk_dynamodb::Client::new(stack.cloud("write").expect("its cloud").sdk());
    let put = |note: &str| {
        let put = Put::builder().table_name("Notes").condition_expression("attribute_not_exists(note)");
        let put = put
            .item("note", AttributeValue::S(note.to_owned()))
            .item("at", AttributeValue::N("1".to_owned()));
        TransactWriteItem::builder().put(put.build().expect("a put")).build()
    };
    client.transact_write_items().transact_items(put("a")).send().await.expect("written");
    let again = client.transact_write_items().transact_items(put("b")).transact_items(put("a")).send().await;
    let error = again.expect_err("cancelled").into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        cancelled,
    ) = error
    else {
        panic!("{error}");
    };
    let codes: Vec<_> = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_conditional_writes_have_one_winner() {
    let folder = crate::durable::Scratch::new();
    let stack = crate::durable::small_in(&folder).start().expect("a stack");
    let client = aws_sdk_dynamodb::Client::new(stack.cloud("write").expect("its cloud").sdk());
    let attempts = (0..50).map(|_| {
        let put = client.put_item().table_name("Notes").condition_expression("attribute_not_exists(note)");
        let put = put.item("note", AttributeValue::S("x".into())).item("at", AttributeValue::N("1".into()));
        tokio::spawn(put.send())
    });
    let mut winners = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        winners += usize::from(attempt.await.expect("no panic").is_ok());
    }
    assert_eq!(winners, 1);
}

#[tokio::test]
async fn mails_and_events_are_shown_as_json() {
    let stack = small().start().expect("a stack");
    stack.request(Request::post("/notes/n1", &())).await;
    stack.settle().await.expect("settled");
    let mails: serde_json::Value = stack.request(Request::get("/_local/mail")).await.json().expect("json");
    assert_eq!(mails[0]["to"], serde_json::json!(["ada@example.com"]));
    assert_eq!(mails[0]["links"], serde_json::json!(["https://notes.test/n1"]));
    let events: serde_json::Value = stack.request(Request::get("/_local/events")).await.json().expect("json");
    assert_eq!(events[0]["detail_type"], "note.written");
    assert_eq!(events[0]["detail"]["note"], "n1");
    let page = stack.request(Request::get("/_local/verify")).await;
    assert!(page.header("content-type").starts_with("text/html"));
    assert_eq!(stack.request(Request::get("/_local/nothing")).await.status, 404);
}
