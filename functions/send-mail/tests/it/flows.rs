//! The mails that actions of users cause. The events contain ids only.

use local::Request;
use serde_json::json;
use stage::{PASSWORD, Stage};

const ADA: &str = "ada@example.com";
const NEW: &str = "Lovelace@example.org";
const OTHER_PASSWORD: &str = "another horse, another battery";

fn stage() -> Stage {
    Stage::with(|setup| setup.with_parameter("EventDetail", "ids"))
}

/// Returns the recipients and subjects of all mails after the first.
async fn mails(stage: &Stage) -> Vec<(String, String)> {
    stage.settle().await;
    assert_eq!(stage.stack.waiting("MailDeadLetters"), Vec::<String>::new());
    let subject = |mail: &local::Mail| mail.subject.replace(" Gatepost", " …");
    stage.stack.mail().iter().skip(1).map(|mail| (mail.to[0].clone(), subject(mail))).collect()
}

fn to(email: &str, subject: &str) -> (String, String) {
    (email.to_owned(), subject.to_owned())
}

#[tokio::test]
async fn a_user_who_forgot_the_password_gets_a_working_link_and_a_notice() {
    let stage = stage();
    stage.registered(ADA).await;

    let link = stage.reset_link(ADA).await;
    stage.reset(&link, OTHER_PASSWORD).await.expect(204);

    stage.log_in_with(ADA, OTHER_PASSWORD).await.expect(201);
    let expected = [to(ADA, "Choose a new password for …"), to(ADA, "A new password was chosen for …")];
    assert_eq!(mails(&stage).await, expected);
}

#[tokio::test]
async fn a_password_change_sends_a_notice() {
    let stage = stage();
    let ada = stage.signed_in(ADA).await;

    stage.change_password(&ada.access, OTHER_PASSWORD).await.expect(204);

    assert_eq!(mails(&stage).await, [to(ADA, "Your password for … was changed")]);
}

#[tokio::test]
async fn a_change_of_address_notifies_both_and_the_link_works() {
    let stage = stage();
    let ada = stage.signed_in(ADA).await;

    let link = stage.email_link(&ada.access, NEW).await;
    stage.verify_email(&ada.access, &link).await.expect(200);

    let expected = [
        to(ADA, "Another e-mail address was asked for at …"),
        to(NEW, "Confirm your new e-mail address for …"),
        to(ADA, "Your e-mail address for … was changed"),
        to(NEW, "Your e-mail address for … was changed"),
    ];
    assert_eq!(mails(&stage).await, expected);
}

#[tokio::test]
async fn a_deletion_sends_a_notice_with_its_date() {
    let stage = stage();
    let ada = stage.signed_in(ADA).await;

    let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
    stage.send(delete.bearer(&ada.access)).await.expect(204);

    assert_eq!(mails(&stage).await, [to(ADA, "Your account with … will be erased")]);
    let text = stage.stack.mail().pop().expect("a mail").text;
    assert!(text.contains("2026-11-28, 03:00 UTC"), "{text}");
}
