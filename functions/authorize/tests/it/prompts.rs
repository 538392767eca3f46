//! The questions to the user before the client gets its code.

use std::time::Duration;

use serde_json::Value;
use stage::{
    ADA, BOB, Stage,
    applications::{Application, Browser, claims, forum, interaction, parameter, shop},
};

/// Returns the step that a request leads to, or the error for the client.
async fn step(stage: &Stage, browser: &mut Browser, parameters: &[(&str, &str)]) -> String {
    let answer = browser.authorize(stage, parameters).await.expect(303);
    let Some(interaction) = interaction(&answer) else {
        let location = answer.header("location");
        return parameter(location, "error").unwrap_or_else(|| "code".to_owned());
    };
    let shown = browser.act(stage, &interaction, "show").await.expect(200).body;
    shown["step"].as_str().expect("a step").to_owned()
}

fn and<'a>(
    application: &'a Application,
    scope: &'a str,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    [application.request(scope), more.to_vec()].concat()
}

#[tokio::test]
async fn the_user_is_asked_only_for_what_is_missing() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let (shop, forum) = (stage.application(shop()).await, stage.application(forum()).await);
    let mut browser = Browser::default();
    assert_eq!(step(&stage, &mut browser, &shop.request("openid")).await, "sign-in");
    assert_eq!(step(&stage, &mut browser, &and(&shop, "openid", &[("prompt", "create")])).await, "sign-up");
    browser.code(&stage, &shop.request("openid"), ADA).await;
    stage.pass(Duration::from_mins(1));

    for (more, expected) in [
        (vec![], "code"),
        (vec![("prompt", "none")], "code"),
        (vec![("prompt", "login")], "authenticate"),
        (vec![("prompt", "select_account")], "choose-account"),
        (vec![("prompt", "consent")], "consent"),
        (vec![("prompt", "create")], "sign-up"),
        (vec![("max_age", "60")], "authenticate"),
        (vec![("max_age", "61")], "code"),
        (vec![("max_age", "0"), ("prompt", "none")], "login_required"),
    ] {
        assert_eq!(step(&stage, &mut browser, &and(&shop, "openid", &more)).await, expected, "{more:?}");
    }
    for (more, expected) in [(vec![], "consent"), (vec![("prompt", "none")], "consent_required")] {
        assert_eq!(step(&stage, &mut browser, &and(&forum, "openid", &more)).await, expected, "{more:?}");
    }
}

#[tokio::test]
async fn consent_is_asked_for_once_and_for_more() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let forum = stage.application(forum()).await;
    let mut browser = Browser::default();

    browser.code(&stage, &forum.request("openid email"), ADA).await;

    assert_eq!(step(&stage, &mut browser, &forum.request("openid")).await, "code");
    assert_eq!(step(&stage, &mut browser, &forum.request("openid email profile")).await, "consent");
}

#[tokio::test]
async fn a_user_who_authenticates_again_keeps_the_session() {
    let stage = Stage::new();
    let user = stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let mut browser = Browser::default();
    let id_token = |tokens: Value| claims(tokens["id_token"].as_str().expect("an ID token"));
    let code = browser.code(&stage, &shop.request("openid"), ADA).await;
    let first = id_token(stage.redeem(&shop, &code).await.expect(200).body);
    let before = browser.clone();
    stage.pass(Duration::from_mins(5));

    let code = browser.code(&stage, &and(&shop, "openid", &[("prompt", "login")]), ADA).await;

    let second = id_token(stage.redeem(&shop, &code).await.expect(200).body);
    assert_eq!(first["sid"], second["sid"]);
    assert_eq!(first["auth_time"].as_i64().map(|at| at + 300), second["auth_time"].as_i64());
    let events = stage.events_of(&stage::subject(&user)).await;
    assert!(events.contains(&"session.reauthenticated".to_owned()), "{events:?}");
    // The cookie from before is not good any longer.
    let old = before.authorize(&stage, &shop.request("openid")).await.expect(303);
    assert!(interaction(&old).is_some(), "{old:?}");
}

#[tokio::test]
async fn signing_in_as_another_user_ends_the_session_before() {
    let stage = Stage::new();
    let ada = stage.registered(ADA).await;
    stage.registered(BOB).await;
    let shop = stage.application(shop()).await;
    let mut browser = Browser::default();
    browser.code(&stage, &shop.request("openid"), ADA).await;
    let before = browser.clone();
    stage.pass(Duration::from_secs(1));
    let asked = browser.authorize(&stage, &and(&shop, "openid", &[("prompt", "select_account")])).await;
    let asked = interaction(&asked).expect("an interaction");
    let other = browser.act(&stage, &asked, "other-account").await.expect(200);
    let path = other.body["continue"].as_str().expect("a path").to_owned();
    let asked = interaction(&browser.get(&stage, &path).await).expect("an interaction");

    browser.sign_in(&stage, &asked, BOB).await.expect(201);

    assert_eq!(step(&stage, &mut browser, &shop.request("openid")).await, "code");
    let old = before.authorize(&stage, &shop.request("openid")).await.expect(303);
    assert!(interaction(&old).is_some(), "{old:?}");
    assert_eq!(stage.events_of(&stage::subject(&ada)).await.last().expect("an event"), "session.ended");
}

#[tokio::test]
async fn keeping_the_account_and_denying_lead_back_to_the_application() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let mut browser = Browser::default();
    browser.code(&stage, &shop.request("openid"), ADA).await;
    stage.pass(Duration::from_secs(1));
    for (action, name) in [("keep-account", "code"), ("deny", "error")] {
        let asked = browser.authorize(&stage, &and(&shop, "openid", &[("prompt", "select_account")])).await;
        let asked = interaction(&asked).expect("an interaction");
        let answer = browser.act(&stage, &asked, action).await.expect(200);

        let back = browser.get(&stage, answer.body["continue"].as_str().expect("a path")).await.expect(303);

        let value = parameter(back.header("location"), name);
        assert!(value.is_some_and(|value| value.starts_with("gpa_") || value == "access_denied"), "{back:?}");
    }
}
