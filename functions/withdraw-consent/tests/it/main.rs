//! Withdrawing consents, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use local::Request;
use serde_json::Value;
use stage::{
    ADA, Answer, BOB, Stage, Tokens,
    applications::{Application, Browser, forum, interaction, shop},
    subject,
};

async fn withdraw(stage: &Stage, access: &str, client: &str) -> Answer {
    stage.send(Request::delete(&format!("/v1/me/grants/{client}")).bearer(access)).await
}

async fn granted(stage: &Stage, application: &Application, browser: &mut Browser, email: &str) -> Value {
    let request = application.request("openid offline_access");
    let code = browser.code(stage, &request, email).await;
    stage.redeem(application, &code).await.expect(200).body
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().expect("a token")
}

#[tokio::test]
async fn every_grant_of_the_application_ends_and_it_has_to_ask_again() {
    let stage = Stage::new();
    let user = stage.registered(ADA).await;
    let (shop, forum) = (stage.application(shop()).await, stage.application(forum()).await);
    let mut browser = Browser::default();
    let forums = granted(&stage, &forum, &mut browser, ADA).await;
    let shops = granted(&stage, &shop, &mut browser, ADA).await;
    let session = Tokens::of(&stage.log_in(ADA).await.expect(201).body);
    stage.pass(std::time::Duration::from_secs(1));

    withdraw(&stage, &session.access, "forum").await.expect(204);

    stage.refresh_grant(&forum, text(&forums, "refresh_token")).await.expect(400);
    stage.get("/oauth2/userinfo", text(&forums, "access_token")).await.expect(401);
    stage.refresh_grant(&shop, text(&shops, "refresh_token")).await.expect(200);
    let asked = browser.authorize(&stage, &forum.request("openid")).await.expect(303);
    let interaction = interaction(&asked).expect("an interaction");
    assert_eq!(browser.act(&stage, &interaction, "show").await.expect(200).body["step"], "consent");
    assert_eq!(stage.events_of(&subject(&user)).await.last().expect("an event"), "consent.withdrawn");
    // Another consent does not bring back the grants from before.
    let again = granted(&stage, &forum, &mut browser, ADA).await;
    stage.refresh_grant(&forum, text(&again, "refresh_token")).await.expect(200);
    stage.refresh_grant(&forum, text(&forums, "refresh_token")).await.expect(400);
}

#[tokio::test]
async fn a_consent_that_does_not_exist_is_not_found() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let forum = stage.application(forum()).await;
    let tokens = granted(&stage, &forum, &mut Browser::default(), ADA).await;
    let bob = stage.signed_in(BOB).await;
    for client in ["forum", "shop", "nothing", "%23"] {
        let refused = withdraw(&stage, &bob.access, client).await.expect(404);
        assert_eq!(refused.problem(), "not-found", "{client}");
    }
    stage.refresh_grant(&forum, text(&tokens, "refresh_token")).await.expect(200);

    let ada = Tokens::of(&stage.log_in(ADA).await.expect(201).body);
    stage.pass(std::time::Duration::from_secs(1));
    withdraw(&stage, &ada.access, "forum").await.expect(204);
    withdraw(&stage, &ada.access, "forum").await.expect(404);
}

#[tokio::test]
async fn a_code_from_before_is_refused() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let forum = stage.application(forum()).await;
    let code = Browser::default().code(&stage, &forum.request("openid"), ADA).await;
    let ada = Tokens::of(&stage.log_in(ADA).await.expect(201).body);
    stage.pass(std::time::Duration::from_secs(1));
    withdraw(&stage, &ada.access, "forum").await.expect(204);

    stage.redeem(&forum, &code).await.expect(400);
}
