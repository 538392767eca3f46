//! Claims about the user of an access token, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use serde_json::Value;
use stage::{
    ADA, Stage, Tokens,
    applications::{Application, Browser, forum, shop},
};

async fn access_token(stage: &Stage, application: &Application, scope: &str) -> String {
    let code = Browser::default().code(stage, &application.request(scope), ADA).await;
    let tokens = stage.redeem(application, &code).await.expect(200).body;
    tokens["access_token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn the_claims_are_those_of_the_scope_as_they_are_now() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let session = Tokens::of(&stage.log_in(ADA).await.expect(201).body);
    let few = access_token(&stage, &shop, "openid").await;
    let many = access_token(&stage, &shop, "openid profile email").await;
    let name = serde_json::json!({"first_name": "Ada", "last_name": "Lovelace", "locale": "en-GB"});
    let update = local::Request::new("PATCH", "/v1/me").json(&name).bearer(&session.access);
    stage.send(update).await.expect(200);

    let few = stage.get("/oauth2/userinfo", &few).await.expect(200).body;
    let many = stage.get("/oauth2/userinfo", &many).await.expect(200).body;

    assert_eq!(
        few.as_object().map(|claims| claims.keys().collect::<Vec<_>>()),
        Some(vec![&"sub".to_owned()])
    );
    assert_eq!((&many["name"], &many["given_name"]), (&Value::from("Ada Lovelace"), &Value::from("Ada")));
    assert_eq!((&many["locale"], &many["email"]), (&Value::from("en-GB"), &Value::from(ADA)));
}

#[tokio::test]
async fn a_token_without_openid_has_too_little_scope() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let token = access_token(&stage, &shop, "email").await;

    let refused = stage.get("/oauth2/userinfo", &token).await.expect(403);

    assert_eq!(refused.body["error"], "insufficient_scope");
    assert_eq!(refused.header("www-authenticate"), "Bearer error=\"insufficient_scope\"");
}

#[tokio::test]
async fn a_token_of_no_grant_is_refused() {
    let stage = Stage::new();
    let session = stage.signed_in(ADA).await;
    for token in [session.access.as_str(), "x", session.refresh.as_str()] {
        let refused = stage.get("/oauth2/userinfo", token).await.expect(401);
        assert_eq!(refused.body["error"], "invalid_token", "{token}");
    }
}

#[tokio::test]
async fn o9_the_token_of_a_user_who_was_suspended_is_refused() {
    let stage = Stage::new();
    let admin = stage.administrator("root@example.com").await;
    let user = stage.registered(ADA).await;
    let forum = stage.application(forum()).await;
    let token = access_token(&stage, &forum, "openid").await;
    stage.get("/oauth2/userinfo", &token).await.expect(200);

    stage.suspend(&admin.access, &user).await.expect(200);

    let refused = stage.get("/oauth2/userinfo", &token).await.expect(401);
    assert_eq!(refused.body["error"], "invalid_token");
}
