//! Codes: for one client, one redirect URI and one verifier, once.

use std::{sync::Arc, time::Duration};

use stage::{
    ADA, Stage,
    applications::{Application, Browser, VERIFIER, forum, shop},
    subject,
};
use tokio::task::JoinSet;

async fn stage_with_code() -> (Stage, Application, String) {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let code = Browser::default().code(&stage, &shop.request("openid"), ADA).await;
    (stage, shop, code)
}

fn redemption<'a>(code: &'a str, redirect_uri: &'a str, verifier: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", verifier),
    ]
}

#[tokio::test]
async fn o5_a_code_is_good_for_its_client_redirect_uri_and_verifier() {
    let (stage, shop, code) = stage_with_code().await;
    let forum = stage.application(forum()).await;
    let uri = shop.redirect_uri.as_str();
    let other_verifier = "a".repeat(43);
    for parameters in [
        redemption(&code, "https://shop.example/other", VERIFIER),
        redemption(&code, uri, &other_verifier),
        redemption(&code, uri, ""),
        redemption("gpa_forged", uri, VERIFIER),
        redemption(&code.replace("gpa_", "gpi_"), uri, VERIFIER),
        redemption(&code.replace("gpa_", "gpg_"), uri, VERIFIER),
    ] {
        let refused = stage.token(&shop, &parameters).await.expect(400);
        assert_eq!(refused.body["error"], "invalid_grant", "{parameters:?}");
    }
    let stolen = stage.redeem(&forum, &code).await.expect(400);
    assert_eq!(stolen.body["error"], "invalid_grant");

    // A client that proves less ends nothing.
    stage.redeem(&shop, &code).await.expect(200);
}

#[tokio::test]
async fn a_code_can_be_redeemed_for_a_minute() {
    let (stage, shop, code) = stage_with_code().await;
    stage.pass(Duration::from_mins(1));

    let refused = stage.redeem(&shop, &code).await.expect(400);

    assert_eq!(refused.body["error"], "invalid_grant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o6_of_fifty_redemptions_one_succeeds() {
    let (stage, shop, code) = stage_with_code().await;
    let stage = Arc::new(stage);
    let mut redemptions = JoinSet::new();
    for _ in 0..50 {
        let (stage, shop, code) = (Arc::clone(&stage), shop.clone(), code.clone());
        redemptions.spawn(async move { stage.redeem(&shop, &code).await.status });
    }

    let statuses = redemptions.join_all().await;

    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 400].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn a_code_that_is_used_again_ends_its_grant() {
    let stage = Stage::new();
    let user = stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let code = Browser::default().code(&stage, &shop.request("openid"), ADA).await;
    let tokens = stage.redeem(&shop, &code).await.expect(200).body;
    let refresh_token = tokens["refresh_token"].as_str().expect("a refresh token");
    // A retry of the client itself ends nothing.
    stage.redeem(&shop, &code).await.expect(400);
    let tokens = stage.refresh_grant(&shop, refresh_token).await.expect(200).body;

    stage.pass(Duration::from_secs(30));
    stage.redeem(&shop, &code).await.expect(400);

    let refresh_token = tokens["refresh_token"].as_str().expect("a refresh token");
    stage.refresh_grant(&shop, refresh_token).await.expect(400);
    let access = tokens["access_token"].as_str().expect("an access token");
    stage.get("/oauth2/userinfo", access).await.expect(401);
    assert_eq!(stage.events_of(&subject(&user)).await.last().expect("an event"), "grant.ended");
}

#[tokio::test]
async fn o9_a_code_of_a_suspended_user_is_refused() {
    let stage = Stage::new();
    let admin = stage.administrator("root@example.com").await;
    let user = stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let code = Browser::default().code(&stage, &shop.request("openid"), ADA).await;
    stage.suspend(&admin.access, &user).await.expect(200);

    let refused = stage.redeem(&shop, &code).await.expect(400);

    assert_eq!(refused.body["error"], "invalid_grant");
}

#[tokio::test]
async fn a_client_authenticates_with_its_secret() {
    let (stage, shop, code) = stage_with_code().await;
    let wrong = Application { secret: Some("gpk_wrong".to_owned()), ..shop.clone() };
    let none = Application { secret: None, ..shop.clone() };
    let unknown = Application { id: "nothing".to_owned(), ..shop.clone() };
    for client in [wrong, none, unknown] {
        let refused = stage.redeem(&client, &code).await.expect(401);
        assert_eq!(refused.body["error"], "invalid_client");
        assert!(refused.header("www-authenticate").starts_with("Basic"), "{refused:?}");
    }
    stage.redeem(&shop, &code).await.expect(200);
}
