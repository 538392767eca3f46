//! Registering an address with an account: the mail says so, and how to use the account.

use std::time::Duration;

use local::{Mail, Request};
use serde_json::json;
use stage::{PASSWORD, Stage, Tokens};

const ADA: &str = "ada@example.com";

async fn last_mail(stage: &Stage) -> Mail {
    stage.settle().await;
    stage.stack.mail().pop().expect("a mail")
}

#[tokio::test]
async fn registering_an_address_with_an_account_mails_how_to_sign_in_and_no_link() {
    let stage = Stage::new();
    stage.registered(ADA).await;

    let body =
        json!({"email": "ADA@Example.com", "password": "chosen by a stranger, later", "first_name": "Eve"});
    stage.post("/v1/registrations", body).await.expect(202);

    let mail = last_mail(&stage).await;
    assert_eq!(
        (&*mail.subject, &*mail.to),
        ("You already have an account with Gatepost", &[ADA.to_owned()][..])
    );
    assert!(mail.links.is_empty() && !mail.text.contains("Eve"), "{}", mail.text);
    for said in ["sign in with your password", "Forgot password", "2026-11-21, 03:00 UTC"] {
        assert!(mail.text.contains(said), "{said}: {}", mail.text);
    }
    stage.log_in_with(ADA, "chosen by a stranger, later").await.expect(401);
    stage.log_in(ADA).await.expect(201);
}

#[tokio::test]
async fn another_request_mails_the_same() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    stage.register(ADA).await.expect(202);

    stage.post("/v1/registrations/resend", json!({"email": ADA})).await.expect(202);

    stage.settle().await;
    let subjects: Vec<_> = stage.stack.mail().into_iter().skip(1).map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["You already have an account with Gatepost"; 2]);
}

#[tokio::test]
async fn another_request_after_the_verification_mails_nothing() {
    let stage = Stage::new();
    stage.register(ADA).await.expect(202);
    stage.settle().await;
    stage.registered(ADA).await;
    let before = stage.stack.mail().len();

    // The newest registration was verified, so there is nothing left to send.
    stage.post("/v1/registrations/resend", json!({"email": ADA})).await.expect(202);
    stage.settle().await;

    assert_eq!(stage.stack.mail().len(), before);
}

#[tokio::test]
async fn an_account_with_a_pending_deletion_gets_its_date_by_mail() {
    let stage = Stage::new();
    let ada = stage.signed_in(ADA).await;
    let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
    stage.send(delete.bearer(&ada.access)).await.expect(204);
    stage.settle().await;

    stage.register(ADA).await.expect(202);

    let mail = last_mail(&stage).await;
    assert_eq!((&*mail.subject, mail.links.len()), ("Your account with Gatepost is about to be erased", 0));
    assert!(mail.text.contains("2026-11-28, 03:00 UTC"), "{}", mail.text);
    stage.log_in(ADA).await.expect(201);
}

#[tokio::test]
async fn suspended_and_invited_accounts_get_no_link_either() {
    let stage = Stage::new();
    let (admin, bob) = stage.ada_and_bob().await;
    stage.suspend(&admin.access, &bob).await.expect(200);
    stage.create_user(&admin.access, "eve@example.com").await.expect(201);
    stage.settle().await;

    for email in ["bob@example.com", "eve@example.com"] {
        stage.register(email).await.expect(202);
        let mail = last_mail(&stage).await;
        assert_eq!((&*mail.to[0], mail.links.len()), (email, 0));
        assert_eq!(mail.subject, "You already have an account with Gatepost");
    }
}

#[tokio::test]
async fn such_mails_count_like_those_of_registrations() {
    let stage = Stage::with(|setup| setup.with_parameter("MailRequestsPerAddress", "50"));
    stage.registered(ADA).await;
    for _ in 0..8 {
        stage.register(ADA).await.expect(202);
    }

    stage.settle().await;

    assert_eq!(stage.stack.mail().len(), 5, "five an hour, including that of the registration");
    stage.pass(Duration::from_hours(1));
    stage.register(ADA).await.expect(202);
    stage.settle().await;
    assert_eq!(stage.stack.mail().len(), 6);
}

/// Logs in on a device, refreshes twice, and presents the first token again.
async fn reuse(stage: &Stage, user_agent: &str) {
    let body = json!({"email": ADA, "password": PASSWORD});
    let log_in = Request::post("/v1/sessions", &body).header("user-agent", user_agent);
    let first = Tokens::of(&stage.send(log_in).await.expect(201).body);
    let second = Tokens::of(&stage.refresh(&first.refresh).await.expect(200).body);
    stage.refresh(&second.refresh).await.expect(200);
    stage.refresh(&first.refresh).await.expect(401);
}

const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0";

#[tokio::test]
async fn a_reused_refresh_token_is_reported_with_device_and_time() {
    let stage = Stage::new();
    stage.registered(ADA).await;

    reuse(&stage, FIREFOX).await;

    let mail = last_mail(&stage).await;
    assert_eq!(mail.to, [ADA]);
    assert_eq!(mail.subject, "A session with Gatepost was ended for your safety");
    for said in ["Firefox, Windows", "2026-11-21, 03:00 UTC", "change your password"] {
        assert!(mail.text.contains(said), "{said}: {}", mail.text);
    }
    assert!(mail.links.is_empty());
}

#[tokio::test]
async fn an_unknown_device_is_not_named() {
    for (detail, user_agent) in [("profile", "https://evil.example/"), ("ids", FIREFOX)] {
        let stage = Stage::with(|setup| setup.with_parameter("EventDetail", detail));
        stage.registered(ADA).await;

        reuse(&stage, user_agent).await;

        let mail = last_mail(&stage).await;
        assert!(mail.text.contains("Device that was signed in: –"), "{detail}: {}", mail.text);
        assert!(!mail.text.contains("evil"));
        let events =
            stage.stack.events().into_iter().map(|event| event.detail.to_string()).collect::<String>();
        assert!(!events.contains("Firefox"), "{detail}");
    }
}

#[tokio::test]
async fn other_ends_of_sessions_send_no_mail_and_reuse_has_a_cap() {
    let stage = Stage::new();
    let ada = stage.signed_in(ADA).await;
    stage.log_out(&ada.access).await.expect(204);
    stage.settle().await;
    assert_eq!(stage.stack.mail().len(), 1);

    for _ in 0..8 {
        reuse(&stage, FIREFOX).await;
        stage.settle().await;
    }

    assert_eq!(stage.stack.mail().len(), 6, "five an hour");
    assert_eq!(stage.stack.waiting("MailDeadLetters"), Vec::<String>::new());
}

/// Ten concurrent requests present the same old token: the session ends once, with one mail.
#[tokio::test]
async fn many_concurrent_reuses_send_one_mail() {
    let stage = Stage::with(stage::slowly);
    let first = stage.signed_in(ADA).await;
    let second = Tokens::of(&stage.refresh(&first.refresh).await.expect(200).body);
    stage.refresh(&second.refresh).await.expect(200);

    futures_util::future::join_all((0..10).map(|_| stage.refresh(&first.refresh))).await;

    stage.settle().await;
    assert_eq!(stage.stack.mail().len(), 2);
}
