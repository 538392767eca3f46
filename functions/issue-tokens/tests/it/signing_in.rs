//! A user signs in to an application.

use serde_json::json;
use stage::{
    ADA, Stage,
    applications::{Browser, claims, interaction, parameter, shop},
    id, subject,
};

#[tokio::test]
async fn a_user_signs_in_and_the_application_gets_their_tokens() {
    let stage = Stage::new();
    let user = stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let mut browser = Browser::default();

    let asked = browser.authorize(&stage, &shop.request("openid profile email")).await.expect(303);
    let interaction = interaction(&asked).expect("an interaction");
    let shown = browser.act(&stage, &interaction, "show").await.expect(200).body;
    assert_eq!(shown["step"], "sign-in");
    assert_eq!(shown["application"], "The shop");
    let signed_in = browser.sign_in(&stage, &interaction, ADA).await.expect(201);
    assert!(signed_in.header("set-cookie").contains("; HttpOnly; SameSite=Lax"), "{signed_in:?}");
    let path = signed_in.body["continue"].as_str().expect("a path");
    let answered = browser.get(&stage, path).await.expect(303);

    let location = answered.header("location");
    assert!(location.starts_with("https://shop.example/cb?code=gpa_"), "{location}");
    assert_eq!(parameter(location, "state").as_deref(), Some("a state"));
    assert_eq!(parameter(location, "iss").as_deref(), Some("http://127.0.0.1:9000"));
    let code = parameter(location, "code").expect("a code");
    let tokens = stage.redeem(&shop, &code).await.expect(200).body;
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["scope"], "email openid profile");
    let id_token = claims(tokens["id_token"].as_str().expect("an ID token"));
    assert_eq!(id_token["sub"], id(&user));
    assert_eq!((&id_token["aud"], &id_token["nonce"]), (&json!("shop"), &json!("a nonce")));
    assert_eq!((&id_token["email"], &id_token["email_verified"]), (&json!(ADA), &json!(true)));
    let access = tokens["access_token"].as_str().expect("an access token");
    let userinfo = stage.get("/oauth2/userinfo", access).await.expect(200).body;
    assert_eq!((&userinfo["sub"], &userinfo["email"]), (&json!(id(&user)), &json!(ADA)));
    let events = stage.events_of(&subject(&user)).await;
    assert_eq!(events, ["user.registered", "session.started", "grant.started"]);
}

#[tokio::test]
async fn a_signed_in_browser_is_asked_nothing() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let mut browser = Browser::default();
    browser.code(&stage, &shop.request("openid"), ADA).await;

    let again = browser.authorize(&stage, &shop.request("openid")).await.expect(303);

    let code = parameter(again.header("location"), "code").expect("a code");
    stage.redeem(&shop, &code).await.expect(200);
}

#[tokio::test]
async fn the_tokens_of_an_application_do_not_open_the_account() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let code = Browser::default().code(&stage, &shop.request("openid"), ADA).await;
    let tokens = stage.redeem(&shop, &code).await.expect(200).body;

    for token in ["access_token", "id_token", "refresh_token"] {
        let answer = stage.get("/v1/me", tokens[token].as_str().expect("a token")).await;
        assert_eq!((answer.status, answer.problem()), (401, "invalid-token"), "{token}");
    }
}
