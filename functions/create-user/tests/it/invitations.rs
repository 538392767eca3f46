//! The life of an invitation.

use std::time::Duration;

use serde_json::{Value, json};
use stage::{PASSWORD, Stage, Tokens, id, subject};

use crate::{ADMIN, EMAIL};

const OTHER: &str = "another horse, another battery";

/// Returns the number of mails to an address.
fn mails(stage: &Stage, email: &str) -> usize {
    stage.stack.mail().into_iter().filter(|mail| mail.to == [email]).count()
}

#[tokio::test]
async fn an_invited_user_chooses_a_password_with_the_link_before_any_log_in() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let ada = stage.create_user(&admin.access, EMAIL).await.expect(201).body;
    let link = stage.link(EMAIL).await;
    let mail = stage.stack.mail().pop().expect("a mail");
    assert_eq!(mail.subject, "You have an account with Gatepost");
    assert!(mail.links[0].starts_with("http://127.0.0.1:9000/_local/reset-password#token=gpl_"));
    assert!(mail.text.contains("7 days"), "{}", mail.text);
    let stranger = stage.log_in("nobody@example.com").await.expect(401);
    for password in [PASSWORD, "none", ""] {
        let refused = stage.log_in_with(EMAIL, password).await.expect(401);
        assert_eq!(
            (refused.problem(), &refused.body["detail"]),
            (stranger.problem(), &stranger.body["detail"])
        );
    }

    stage.reset(&link, "short").await.expect(422);
    stage.reset(&link, PASSWORD).await.expect(204);

    stage.log_in(EMAIL).await.expect(201);
    assert_eq!(stage.reset(&link, OTHER).await.expect(400).problem(), "link-invalid", "it works once");
    let events = stage.events_of(&subject(&ada)).await;
    assert_eq!(events, ["user.created", "user.invitation-accepted", "session.started"]);
    assert_eq!(mails(&stage, EMAIL), 1, "no notice is needed");
}

#[tokio::test]
async fn an_expired_invitation_is_refused_and_a_reset_still_works() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    for email in [EMAIL, "bob@example.com"] {
        stage.create_user(&admin.access, email).await.expect(201);
    }
    let (early, late) = (stage.link(EMAIL).await, stage.link("bob@example.com").await);

    stage.pass(Duration::from_millis(7 * 24 * 60 * 60 * 1000 - 1));
    stage.reset(&early, PASSWORD).await.expect(204);
    stage.pass(Duration::from_millis(1));
    assert_eq!(stage.reset(&late, PASSWORD).await.expect(400).problem(), "link-invalid");

    let link = stage.reset_link("bob@example.com").await;
    stage.reset(&link, PASSWORD).await.expect(204);
    stage.log_in("bob@example.com").await.expect(201);
}

#[tokio::test]
async fn an_invitation_sets_the_first_password_and_replaces_none() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let ada = stage.create_user(&admin.access, EMAIL).await.expect(201).body;
    let invitation = stage.link(EMAIL).await;
    let link = stage.reset_link(EMAIL).await;

    stage.reset(&link, PASSWORD).await.expect(204);

    assert_eq!(stage.reset(&invitation, OTHER).await.expect(400).problem(), "link-invalid");
    stage.log_in(EMAIL).await.expect(201);
    let events = stage.events_of(&subject(&ada)).await;
    assert_eq!(events, ["user.created", "user.invitation-accepted", "session.started"]);
}

#[tokio::test]
async fn a_reset_requested_by_others_does_not_revoke_the_invitation() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    stage.create_user(&admin.access, EMAIL).await.expect(201);
    let invitation = stage.link(EMAIL).await;
    let link = stage.reset_link(EMAIL).await;

    stage.reset(&invitation, PASSWORD).await.expect(204);

    assert_eq!(stage.reset(&link, OTHER).await.expect(400).problem(), "link-invalid", "it was revoked");
    stage.log_in(EMAIL).await.expect(201);
}

#[tokio::test]
async fn registering_an_invited_address_mails_a_notice_and_changes_nothing() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    stage.create_user(&admin.access, EMAIL).await.expect(201);
    let invitation = stage.link(EMAIL).await;

    let answer = stage.register(EMAIL).await.expect(202);

    assert_eq!(answer.body["status"], "verification_sent");
    assert_eq!(stage.link(EMAIL).await, invitation, "no other link is mailed");
    let mail = stage.stack.mail().pop().expect("a mail");
    assert_eq!(mail.subject, "You already have an account with Gatepost");
    assert!(mail.text.starts_with("Hello,"), "the address is not proven");
    stage.reset(&invitation, OTHER).await.expect(204);
    stage.log_in(EMAIL).await.expect(401);
    stage.log_in_with(EMAIL, OTHER).await.expect(201);
}

#[tokio::test]
async fn an_invited_user_is_counted_once() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    stage.create_user(&admin.access, EMAIL).await.expect(201);
    let link = stage.link(EMAIL).await;
    stage.settle().await;
    assert_eq!(stage.get("/v1/user-counts", &admin.access).await.expect(200).body["active"], 2);

    stage.reset(&link, PASSWORD).await.expect(204);
    stage.log_in(EMAIL).await.expect(201);
    stage.settle().await;

    let admin = Tokens::of(&stage.log_in(ADMIN).await.expect(201).body);
    assert_eq!(stage.get("/v1/user-counts", &admin.access).await.expect(200).body["active"], 2);
}

#[tokio::test]
async fn an_administrator_sees_pending_invitations() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let ada = stage.create_user(&admin.access, EMAIL).await.expect(201).body;
    let invitation = stage.link(EMAIL).await;
    let shown = async || {
        let one = stage.get(&format!("/v1/users/{}", id(&ada)), &admin.access).await.expect(200).body;
        let path = format!("/v1/users?email_prefix={EMAIL}");
        let found = stage.get(&path, &admin.access).await.expect(200).body;
        [one["invited_at"].clone(), found["items"][0]["invited_at"].clone()]
    };

    assert_eq!(shown().await, [ada["created_at"].clone(), ada["created_at"].clone()]);
    stage.reset(&invitation, PASSWORD).await.expect(204);
    assert_eq!(shown().await, [Value::Null, Value::Null]);
}

#[tokio::test]
async fn invitations_are_limited_per_address_administrator_and_source() {
    let stage = Stage::with(|setup| setup.with_parameter("MailRequestsPerIp", "7"));
    let admin = stage.administrator(ADMIN).await;
    for _ in 0..5 {
        let made = stage.create_user(&admin.access, EMAIL).await;
        assert!([201, 409].contains(&made.status));
    }
    let refused = stage.create_user(&admin.access, EMAIL).await.expect(429);
    assert_eq!((refused.problem(), refused.header("retry-after")), ("rate-limited", "60"), "the address");
    for number in 0..2 {
        stage.create_user(&admin.access, &format!("new{number}@example.com")).await.expect(201);
    }

    let elsewhere = |number: u8| {
        let body = json!({"email": format!("late{number}@example.com"), "reason": "ticket 4711"});
        let request = local::Request::post("/v1/users", &body).bearer(&admin.access);
        let source = format!("198.51.100.{number}").parse().expect("an IP address");
        stage.stack.request_from(source, request)
    };

    assert_eq!(stage.create_user(&admin.access, "new3@example.com").await.status, 429, "the source");
    assert_eq!(elsewhere(1).await.status, 429, "the administrator");
    stage.pass(Duration::from_secs(1));
    assert_eq!(elsewhere(2).await.status, 201);
}

#[tokio::test]
async fn mails_to_an_unproven_address_do_not_contain_the_name() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let named = json!({"email": EMAIL, "first_name": "Ada", "reason": "ticket 4711"});
    let ada = stage.post_as("/v1/users", &admin.access, named).await.expect(201).body;
    let invitation = stage.link(EMAIL).await;
    stage.reset_link(EMAIL).await;
    stage.suspend(&admin.access, &ada).await.expect(200);
    stage.reactivate(&admin.access, &ada).await.expect(200);
    stage.settle().await;
    let texts = |stage: &Stage| {
        let mails = stage.stack.mail().into_iter().filter(|mail| mail.to == [EMAIL]);
        mails.map(|mail| mail.text).collect::<Vec<_>>()
    };
    let before = texts(&stage);
    assert_eq!(before.len(), 4, "invitation, reset, two notices");
    assert!(before.iter().all(|text| !text.contains("Ada")), "{before:?}");

    stage.reset(&invitation, PASSWORD).await.expect(204);
    stage.suspend(&admin.access, &ada).await.expect(200);
    stage.settle().await;

    assert!(texts(&stage)[4].starts_with("Hello Ada,"));
}

#[tokio::test]
async fn notices_to_an_unproven_address_have_a_cap() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let ada = stage.create_user(&admin.access, EMAIL).await.expect(201).body;
    for _ in 0..5 {
        stage.suspend(&admin.access, &ada).await.expect(200);
        stage.reactivate(&admin.access, &ada).await.expect(200);
    }

    stage.settle().await;

    assert_eq!(mails(&stage, EMAIL), 6, "the invitation, and five notices an hour");
}
