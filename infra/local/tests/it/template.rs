//! The product's template, and templates that are refused.

use std::{collections::BTreeSet, time::Duration};

use local::{Stack, functions, template::Template};

use crate::small::TEMPLATE;

#[test]
fn every_function_of_the_template_is_mounted_and_no_other() {
    let stack = Stack::memory().start().expect("the template of this build runs");
    let deployed: BTreeSet<_> = stack.template().functions.keys().map(String::as_str).collect();
    let mounted: BTreeSet<_> = functions::ALL.iter().map(|function| function.name).collect();
    assert_eq!(deployed, mounted);
}

#[tokio::test]
async fn every_function_can_be_wired_from_the_template() {
    let stack = Stack::memory().start().expect("a stack");
    stack.warm().await.expect("all functions");
}

#[test]
fn settings_are_what_the_template_says_with_local_names() {
    let stack = crate::small::small().at("http://127.0.0.1:1").with_parameter("Subject", "other");
    let cloud = stack.start().expect("a stack").cloud("write").expect("its cloud");
    let setting = |name| cloud.settings().optional(name).unwrap_or_default();
    assert_eq!(setting("NOTES_TABLE"), "Notes");
    assert_eq!(setting("ISSUER"), "http://127.0.0.1:1/x");
    assert_eq!(setting("SUBJECT"), "other");
}

#[test]
fn what_does_not_run_locally_is_refused_in_one_sentence() {
    let changes = [
        (
            "Type: AWS::SQS::Queue }",
            "Type: AWS::SNS::Topic }",
            "DeadLetters: resources of type AWS::SNS::Topic",
        ),
        ("VisibilityTimeout: 30", "DelaySeconds: 3", "MailQueue: unknown field `DelaySeconds`"),
        ("VisibilityTimeout: 30", "MaximumMessageSize: 1023", "MailQueue: MaximumMessageSize is 1023"),
        ("VisibilityTimeout: 30", "MaximumMessageSize: 1048577", "MailQueue: MaximumMessageSize is 1048577"),
        ("MailQueue.Arn, Fun", "MailQueue.Arn, BatchSize: 11, Fun", "Mailer: Queue: BatchSize is 11"),
        ("MailQueue.Arn, Fun", "MailQueue.Arn, BatchSize: 0, Fun", "Mailer: Queue: BatchSize is 0"),
        ("prefix: note.", "wildcard: n*", "MailRule: the event pattern uses `wildcard`"),
        ("!GetAtt Notes.StreamArn", "!GetAtt Nots.StreamArn", "Nots.StreamArn is not known"),
        ("Arn: !GetAtt MailQueue.Arn", "Arn: !GetAtt Bus.Arn", "there is no queue Bus"),
        ("rate(1 minute)", "cron(0 8 ? * MON *)", "Echo: EachMinute: the schedule cron"),
        ("StartingPosition: TRIM_HORIZON", "StartingPosition: LATEST", "from TRIM_HORIZON"),
        ("!Ref Subject", "!ImportValue x", "Fn::ImportValue is not implemented"),
        ("Default: notes", "MinLength: 1", "the parameter Subject has no value"),
        ("Resources:", "Resources: [", "line "),
    ];
    for (before, after, said) in changes {
        let text = TEMPLATE.replacen(before, after, 1);
        assert_ne!(text, TEMPLATE, "{before} is not in the template");
        let error = crate::small::small().with_template(text).start().err().expect("refused").to_string();
        assert!(error.contains(said) && !error.contains('\n'), "{after}: {error}");
    }
}

#[test]
fn what_is_done_at_a_time_of_the_day_is_due_then() {
    let text = TEMPLATE.replacen("rate(1 minute)", "cron(30 6 * * ? *)", 1);
    let template = crate::small::small().with_template(text).template().expect("a template");
    let schedule = &template.schedules[0];
    let due_in = |now: &str| schedule.first_in(now.parse().expect("a moment")).as_secs();

    assert_eq!(schedule.every, Duration::from_hours(24));
    assert_eq!(due_in("2026-11-23T06:29:59Z"), 1);
    assert_eq!(due_in("2026-11-23T06:30:00Z"), 0);
    assert_eq!(due_in("2026-11-23T06:30:01Z"), 24 * 3600 - 1);
    assert_eq!(due_in("2026-11-23T00:00:00Z"), 6 * 3600 + 1800);
}

#[test]
fn a_parameter_that_does_not_exist_is_refused() {
    let error = crate::small::small().with_parameter("Nonsense", "1").start().err().expect("refused");
    assert!(error.to_string().contains("no parameter Nonsense"), "{error}");
    assert!(Template::read("", &local::template::Parameters::default()).is_err());
}
