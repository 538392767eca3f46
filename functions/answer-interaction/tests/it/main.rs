//! Questions to users and their answers, tested through the API.

use local::calls::{Call, Fate};
use serde_json::json;
use stage::{
    ADA, Stage,
    applications::{Browser, forum, interaction, parameter, shop},
    subject,
};

#[tokio::test]
async fn a_user_sees_who_asks_for_what_and_allows_it() {
    let stage = Stage::new();
    let user = stage.registered(ADA).await;
    let (shop, forum) = (stage.application(shop()).await, stage.application(forum()).await);
    let mut browser = Browser::default();
    browser.code(&stage, &shop.request("openid"), ADA).await;
    let asked = browser.authorize(&stage, &forum.request("openid email offline_access orders:read")).await;
    let asked = interaction(&asked).expect("an interaction");

    let shown = browser.act(&stage, &asked, "show").await.expect(200).body;
    let allowed = browser.act(&stage, &asked, "consent").await.expect(200);

    let expected = json!({
        "step": "consent",
        "application": "The forum",
        "origin": "https://forum.example",
        "scopes": ["email", "offline_access", "openid"],
        "account": ADA,
    });
    assert_eq!(shown, expected);
    let path = allowed.body["continue"].as_str().expect("a path");
    let back = browser.get(&stage, path).await.expect(303);
    assert!(parameter(back.header("location"), "code").is_some(), "{back:?}");
    assert_eq!(stage.events_of(&subject(&user)).await.last().expect("an event"), "consent.granted");
}

#[tokio::test]
async fn nothing_is_shown_of_an_account_without_its_cookie() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let forum = stage.application(forum()).await;
    let mut browser = Browser::default();
    browser.code(&stage, &forum.request("openid"), ADA).await;
    let asked = browser.authorize(&stage, &forum.request("openid email")).await;
    let asked = interaction(&asked).expect("an interaction");

    let mut other = Browser::default();
    let shown = other.act(&stage, &asked, "show").await.expect(200).body;

    assert_eq!((&shown["step"], shown.get("account")), (&json!("sign-in"), None));
    for action in ["consent", "keep-account"] {
        let refused = other.act(&stage, &asked, action).await.expect(401);
        assert_eq!(refused.problem(), "invalid-token", "{action}");
    }
}

#[tokio::test]
async fn a_consent_whose_answer_is_lost_is_kept_once() {
    let lost = |call: &Call| match (call.function.as_str(), call.operation.as_str()) {
        ("answer-interaction", "TransactWriteItems") => Fate::AnswerLost,
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| setup.watched_by(lost));
    let user = stage.registered(ADA).await;
    let forum = stage.application(forum()).await;

    Browser::default().code(&stage, &forum.request("openid"), ADA).await;

    let events = stage.events_of(&subject(&user)).await;
    assert_eq!(events.iter().filter(|kind| *kind == "consent.granted").count(), 1, "{events:?}");
}
