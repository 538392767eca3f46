//! From the table over the stream, the relay, the bus and the queue to the mail.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use local::{
    Request, Stack,
    calls::{Call, Fate, Refusal},
};

use crate::small::small;

async fn write(stack: &Stack, notes: &[&str]) {
    for note in notes {
        assert_eq!(stack.request(Request::post(&format!("/notes/{note}"), &())).await.status, 202);
    }
}

fn published(stack: &Stack) -> Vec<String> {
    stack.events().iter().map(|event| event.detail["note"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn what_is_written_is_published_in_order_and_mailed() {
    let stack = small().start().expect("a stack");
    let notes = ["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"];
    write(&stack, &notes).await;
    stack.settle().await.expect("settled");
    assert_eq!(published(&stack), notes);
    let subjects: Vec<_> = stack.mail().into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, notes);
    stack.settle().await.expect("settled");
    assert_eq!(published(&stack).len(), notes.len(), "nothing is done twice");
}

#[tokio::test]
async fn records_that_the_filter_does_not_want_are_skipped() {
    let stack = small().start().expect("a stack");
    // The second write of n1 is a MODIFY, and `other` has the wrong beginning.
    write(&stack, &["n1", "other", "n1", "n2"]).await;
    stack.settle().await.expect("settled");
    assert_eq!(published(&stack), ["n1", "n2"]);
}

#[tokio::test]
async fn who_calls_the_reader_itself_gets_the_same_records() {
    let stack = small().start().expect("a stack");
    write(&stack, &["n1", "other", "n1", "n2", "n3"]).await;

    let all = stack.stream_records("relay", None).expect("records");
    let rest = stack.stream_records("relay", Some(&all[0].sequence)).expect("records");

    let notes = |records: &[local::StreamRecord]| -> Vec<String> {
        let note = |record: &local::StreamRecord| record.event["dynamodb"]["Keys"]["note"]["S"].to_string();
        records.iter().map(note).collect()
    };
    assert_eq!(notes(&all), [r#""n1""#, r#""n2""#, r#""n3""#]);
    assert_eq!(notes(&rest), [r#""n2""#, r#""n3""#]);
}

#[tokio::test]
async fn a_batch_goes_on_from_the_first_record_that_failed() {
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    // The third PutEvents takes nothing.
    let stack = small().watched_by(move |call: &Call| {
        let is_third = call.service == "events" && counted.fetch_add(1, Ordering::SeqCst) == 2;
        if is_third { Fate::EntriesRefused(vec![0]) } else { Fate::Proceed }
    });
    let stack = stack.start().expect("a stack");
    write(&stack, &["n1", "n2", "n3", "n4"]).await;
    stack.settle().await.expect("settled");
    assert_eq!(published(&stack), ["n1", "n2", "n3", "n4"]);
    assert_eq!(attempts.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_function_that_fails_as_a_whole_is_tried_again_in_halves() {
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sizes);
    let stack = small().watched_by(move |call: &Call| {
        if call.service != "events" {
            return Fate::Proceed;
        }
        let mut seen = seen.lock().expect("not poisoned");
        seen.push(call.request["Entries"][0]["Detail"].to_string());
        if seen.len() == 1 { Fate::Refused(Refusal::ACCESS_DENIED) } else { Fate::Proceed }
    });
    let stack = stack.start().expect("a stack");
    write(&stack, &["n1", "n2", "n3", "n4"]).await;
    stack.settle().await.expect("settled");
    assert_eq!(published(&stack), ["n1", "n2", "n3", "n4"]);
    assert_eq!(sizes.lock().expect("not poisoned").len(), 5);
}

#[tokio::test]
async fn what_fails_for_ever_is_said_and_blocks_what_comes_after() {
    let refuse = |call: &Call| {
        if call.service == "events" { Fate::Refused(Refusal::ACCESS_DENIED) } else { Fate::Proceed }
    };
    let stack = small().watched_by(refuse).start().expect("a stack");
    write(&stack, &["n1", "n2"]).await;
    let said = stack.settle().await.expect_err("stuck");
    assert!(said.to_string().contains("relay failed: not published"), "{said}");
    assert_eq!(published(&stack), [""; 0]);
}

#[tokio::test]
async fn a_message_that_fails_too_often_goes_to_the_dead_letters_alone() {
    let stack = small().start().expect("a stack");
    write(&stack, &["n1", "poison", "n2"]).await;
    stack.settle().await.expect("settled");
    let subjects: Vec<_> = stack.mail().into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["n1", "n2"]);
    assert_eq!(stack.waiting("MailQueue"), [""; 0]);
    let dead = stack.waiting("DeadLetters");
    assert!(dead.len() == 1 && dead[0].contains("poison"), "{dead:?}");
}

#[tokio::test]
async fn a_schedule_calls_its_function_as_eventbridge_does() {
    let stack = small().start().expect("a stack");
    stack.run_schedule("echo").await.expect("called");
    assert!(stack.run_schedule("nobody").await.is_err());
}

/// The time from commit to bus is that of the work: nobody polls.
#[tokio::test]
async fn a_running_stack_publishes_and_mails_what_is_written() {
    let stack = small().start().expect("a stack");
    let mut news = stack.news();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let running = stack.run(listener);
    write(&stack, &["n1"]).await;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        seen.push(match news.recv().await.expect("news") {
            local::News::Event(event) => event.detail_type,
            local::News::Mail(mail) => mail.subject,
            local::News::Trouble(trouble) => panic!("{trouble}"),
        });
    }
    assert_eq!(seen, ["note.written", "n1"]);
    running.stop().await;
}
