//! Grants, refreshed and ended.

use std::time::Duration;

use local::Request;
use serde_json::Value;
use stage::{
    ADA, Answer, Stage, Tokens,
    applications::{Application, Browser, claims, forum, shop},
};

async fn granted(stage: &Stage, application: &Application, scope: &str) -> Value {
    let code = Browser::default().code(stage, &application.request(scope), ADA).await;
    stage.redeem(application, &code).await.expect(200).body
}

async fn narrow(stage: &Stage, application: &Application, tokens: &Value, scope: &str) -> Answer {
    let token = text(tokens, "refresh_token");
    let parameters = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)];
    stage.token(application, &parameters).await
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().expect("a token")
}

#[tokio::test]
async fn a_refresh_gives_the_next_tokens_with_the_first_authentication() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let first = granted(&stage, &shop, "openid").await;
    stage.pass(Duration::from_mins(5));

    let second = stage.refresh_grant(&shop, text(&first, "refresh_token")).await.expect(200).body;

    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let (before, after) = (claims(text(&first, "id_token")), claims(text(&second, "id_token")));
    assert_eq!(before["auth_time"], after["auth_time"]);
    assert_eq!(after.get("nonce"), None);
    assert_eq!(before["sid"], after["sid"]);
}

#[tokio::test]
async fn a_retry_gets_the_same_successor_and_a_later_use_ends_the_grant() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let first = granted(&stage, &shop, "openid").await;
    let second = stage.refresh_grant(&shop, text(&first, "refresh_token")).await.expect(200).body;
    let retried = stage.refresh_grant(&shop, text(&first, "refresh_token")).await.expect(200).body;
    assert_eq!(second["refresh_token"], retried["refresh_token"]);

    stage.pass(Duration::from_mins(2));
    let reused = stage.refresh_grant(&shop, text(&first, "refresh_token")).await.expect(400);

    assert_eq!(reused.body["error"], "invalid_grant");
    stage.refresh_grant(&shop, text(&second, "refresh_token")).await.expect(400);
}

#[tokio::test]
async fn o7_another_client_cannot_refresh_and_ends_nothing() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let (shop, forum) = (stage.application(shop()).await, stage.application(forum()).await);
    let tokens = granted(&stage, &shop, "openid").await;
    stage.refresh_grant(&forum, text(&tokens, "refresh_token")).await.expect(400);
    // Beyond the retry window, only the current token is accepted: the other client has not rotated it.
    stage.pass(Duration::from_mins(2));

    stage.refresh_grant(&shop, text(&tokens, "refresh_token")).await.expect(200);
}

#[tokio::test]
async fn o8_a_scope_can_only_be_narrowed() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let tokens = granted(&stage, &shop, "openid email").await;
    let wider = narrow(&stage, &shop, &tokens, "openid profile").await.expect(400);
    assert_eq!(wider.body["error"], "invalid_scope");

    let narrower = narrow(&stage, &shop, &tokens, "openid").await.expect(200).body;
    assert_eq!(narrower["scope"], "openid");
    let whole = stage.refresh_grant(&shop, text(&narrower, "refresh_token")).await.expect(200).body;
    assert_eq!(whole["scope"], "email openid");
}

#[tokio::test]
async fn a_grant_ends_with_its_session_unless_it_is_offline() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let (shop, forum) = (stage.application(shop()).await, stage.application(forum()).await);
    let online = granted(&stage, &shop, "openid").await;
    let offline = granted(&stage, &forum, "openid offline_access").await;
    let session = Tokens::of(&stage.log_in(ADA).await.expect(201).body);
    for tokens in [&online, &offline] {
        let claims = claims(text(tokens, "id_token"));
        let path = format!("/v1/me/sessions/{}", claims["sid"].as_str().expect("a session"));
        stage.send(Request::delete(&path).bearer(&session.access)).await.expect(204);
    }

    stage.refresh_grant(&shop, text(&online, "refresh_token")).await.expect(400);
    let kept = stage.refresh_grant(&forum, text(&offline, "refresh_token")).await.expect(200).body;

    stage.change_password(&session.access, "a new and long password").await.expect(204);
    stage.refresh_grant(&forum, text(&kept, "refresh_token")).await.expect(400);
}
