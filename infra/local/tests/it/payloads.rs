//! The limits of an invocation's payloads: `docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html`.

use local::{News, Request, functions::CallFailed};
use serde_json::json;

use crate::small::small;

const MAX_SYNCHRONOUS: usize = 6 * 1024 * 1024;
const MAX_ASYNCHRONOUS: usize = 1024 * 1024;

/// A JSON text of this many bytes, quotation marks included.
fn text(bytes: usize) -> String {
    "x".repeat(bytes - 2)
}

#[tokio::test]
async fn a_synchronous_event_over_6_mb_is_refused() {
    let stack = small().start().expect("a stack");

    let refused = stack.call("relay", text(MAX_SYNCHRONOUS + 1)).await;

    assert!(matches!(refused, Err(CallFailed::RequestTooLarge(_))), "{refused:?}");
    stack.call("relay", text(MAX_SYNCHRONOUS)).await.expect("an answer");
    let request = Request::new("POST", "/").header("content-type", "text/plain").body(text(MAX_SYNCHRONOUS));
    let response = stack.request(request).await;
    let body = r#"{"message":"Request Entity Too Large"}"#;
    assert_eq!((response.status, response.text().as_str()), (413, body));
}

#[tokio::test]
async fn an_asynchronous_event_over_1_mb_is_refused() {
    let stack = small().start().expect("a stack");

    let refused = stack.send("relay", text(MAX_ASYNCHRONOUS + 1)).await;

    assert!(matches!(refused, Err(CallFailed::RequestTooLarge(_))), "{refused:?}");
    stack.send("relay", text(MAX_ASYNCHRONOUS)).await.expect("an end");
}

#[tokio::test]
async fn an_answer_over_6_mb_is_a_failure_of_the_function() {
    let stack = small().start().expect("a stack");
    // The answer holds the event as a text in a text: each quotation mark becomes four bytes.
    let echoed = |marks: usize| {
        let request = Request::new("POST", "/").header("content-type", "text/plain");
        request.body("\"".repeat(marks))
    };

    let refused = stack.request(echoed(MAX_SYNCHRONOUS / 4)).await;

    let body = r#"{"message":"Internal Server Error"}"#;
    assert_eq!((refused.status, refused.text().as_str()), (500, body));
    let answered = stack.request(echoed(MAX_SYNCHRONOUS / 4 - 1024)).await;
    assert_eq!(answered.status, 200);
}

/// `docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html`, "`BatchSize`".
#[tokio::test]
async fn a_batch_of_a_stream_ends_where_the_payload_is_full() {
    let stack = small().start().expect("a stack");
    let mut news = stack.news();
    // A control character has one byte in the table, and six in JSON.
    let text = "\u{1}".repeat(390 * 1024);
    for note in ["n1", "n2", "n3", "n4"] {
        let item = json!({"note": {"S": note}, "at": {"N": "1"}, "text": {"S": text}});
        stack.dynamodb("PutItem", &json!({"TableName": "Notes", "Item": item})).expect("put");
    }

    stack.settle().await.expect("settled");

    let notes: Vec<_> = stack.events().iter().map(|event| event.detail["note"].clone()).collect();
    assert_eq!(notes, ["n1", "n2", "n3", "n4"]);
    while let Ok(news) = news.try_recv() {
        assert!(!matches!(news, News::Trouble(_)), "{news:?}");
    }
}
