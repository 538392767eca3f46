//! Tokens that clients give back, tested through the API.

use serde_json::Value;
use stage::{
    ADA, Answer, Stage,
    applications::{Application, Browser, forum, shop},
    subject,
};

async fn granted(stage: &Stage, application: &Application) -> Value {
    let code = Browser::default().code(stage, &application.request("openid"), ADA).await;
    stage.redeem(application, &code).await.expect(200).body
}

async fn revoke(stage: &Stage, application: &Application, token: &str) -> Answer {
    stage.post_form(application, "/oauth2/revoke", &[("token", token)]).await
}

#[tokio::test]
async fn either_token_ends_the_grant() {
    for name in ["refresh_token", "access_token"] {
        let stage = Stage::new();
        let user = stage.registered(ADA).await;
        let shop = stage.application(shop()).await;
        let tokens = granted(&stage, &shop).await;

        revoke(&stage, &shop, tokens[name].as_str().expect("a token")).await.expect(200);

        let refresh_token = tokens["refresh_token"].as_str().expect("a token");
        stage.refresh_grant(&shop, refresh_token).await.expect(400);
        stage.get("/oauth2/userinfo", tokens["access_token"].as_str().expect("a token")).await.expect(401);
        assert_eq!(stage.events_of(&subject(&user)).await.last().expect("an event"), "grant.ended");
        // Again, it is the same answer and no other event.
        revoke(&stage, &shop, refresh_token).await.expect(200);
        let ends = stage.events_of(&subject(&user)).await.into_iter().filter(|kind| kind == "grant.ended");
        assert_eq!(ends.count(), 1);
    }
}

#[tokio::test]
async fn a_token_of_another_client_ends_nothing() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let (shop, forum) = (stage.application(shop()).await, stage.application(forum()).await);
    let tokens = granted(&stage, &shop).await;
    let refresh_token = tokens["refresh_token"].as_str().expect("a token");

    revoke(&stage, &forum, refresh_token).await.expect(200);
    for unknown in ["gpg_forged", "x", ""] {
        let status = revoke(&stage, &forum, unknown).await.status;
        assert_eq!(status, if unknown.is_empty() { 400 } else { 200 }, "{unknown}");
    }

    stage.refresh_grant(&shop, refresh_token).await.expect(200);
}

#[tokio::test]
async fn a_client_that_does_not_authenticate_ends_nothing() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let tokens = granted(&stage, &shop).await;
    let refresh_token = tokens["refresh_token"].as_str().expect("a token");
    let wrong = Application { secret: Some("gpk_wrong".to_owned()), ..shop.clone() };

    revoke(&stage, &wrong, refresh_token).await.expect(401);

    stage.refresh_grant(&shop, refresh_token).await.expect(200);
}
