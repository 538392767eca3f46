//! Interactions: carried by the browser, and nothing that can be altered, revived or answered from elsewhere.

use std::time::Duration;

use local::Request;
use serde_json::json;
use stage::{
    ADA, PASSWORD, Stage,
    applications::{Browser, ISSUER, interaction, shop},
};

#[tokio::test]
async fn o11_an_interaction_cannot_be_altered_or_revived() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let mut browser = Browser::default();
    let asked = browser.authorize(&stage, &shop.request("openid")).await;
    let asked = interaction(&asked).expect("an interaction");
    let altered = format!("{}A", &asked[..asked.len() - 1]);
    for text in ["", "gpi_", "gpi_forged", &altered, &asked.replace("gpi_", "gpa_")] {
        let refused = browser.act(&stage, text, "show").await.expect(400);
        assert_eq!(refused.problem(), "interaction-expired", "{text}");
        let refused = browser.sign_in(&stage, text, ADA).await.expect(400);
        assert_eq!(refused.problem(), "interaction-expired", "{text}");
        browser.get(&stage, &format!("/oauth2/authorize?interaction={text}")).await.expect(400);
    }

    stage.pass(Duration::from_mins(30));

    let refused = browser.sign_in(&stage, &asked, ADA).await.expect(400);
    assert_eq!(refused.problem(), "interaction-expired");
}

#[tokio::test]
async fn only_pages_of_the_same_origin_may_answer() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let asked = Browser::default().authorize(&stage, &shop.request("openid")).await;
    let asked = interaction(&asked).expect("an interaction");
    let sign_in = json!({"interaction": asked, "email": ADA, "password": PASSWORD});
    let show = json!({"interaction": asked, "action": "show"});
    for (path, body) in [("/v1/sessions", &sign_in), ("/v1/interactions", &show)] {
        for headers in [
            vec![],
            vec![("origin", "https://evil.example")],
            vec![("origin", "null")],
            vec![("origin", "http://127.0.0.1:9001")],
            vec![("sec-fetch-site", "same-site")],
            vec![("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
        ] {
            let mut request = Request::post(path, body);
            for (name, value) in &headers {
                request = request.header(name, value);
            }
            let refused = stage.send(request).await;
            assert_eq!((refused.status, refused.problem()), (403, "cross-origin"), "{path} {headers:?}");
        }
        for (name, value) in [("origin", ISSUER), ("sec-fetch-site", "same-origin")] {
            let taken = stage.send(Request::post(path, body).header(name, value)).await;
            assert!(taken.status < 300, "{path} {name}: {}", taken.body);
        }
    }
}

#[tokio::test]
async fn a_wrong_password_gives_no_cookie() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let mut browser = Browser::default();
    let asked = browser.authorize(&stage, &shop.request("openid")).await;
    let asked = interaction(&asked).expect("an interaction");
    let body = json!({"interaction": asked, "email": ADA, "password": "another long password"});

    let refused = browser.post(&stage, "/v1/sessions", body).await.expect(401);

    assert_eq!((refused.problem(), refused.header("set-cookie")), ("invalid-credentials", ""));
}

#[tokio::test]
async fn the_cookie_of_a_browser_is_no_token_and_the_other_way_round() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let asked = Browser::default().authorize(&stage, &shop.request("openid")).await;
    let asked = interaction(&asked).expect("an interaction");
    let signed_in = Browser::default().sign_in(&stage, &asked, ADA).await.expect(201);
    let (cookie, _) = signed_in.header("set-cookie").split_once(';').expect("a cookie");
    let value = cookie.strip_prefix("gatepost=").expect("a value");
    stage.refresh(value).await.expect(401);
    stage.refresh(&value.replace("gpb_", "gpr_")).await.expect(401);

    let session = stage.log_in(ADA).await.expect(201).body;
    let refresh_token = session["refresh_token"].as_str().expect("a token");
    for cookie in [refresh_token.to_owned(), refresh_token.replace("gpr_", "gpb_")] {
        let request = Request::get(&format!(
            "/oauth2/authorize?{}",
            stage::applications::query(&shop.request("openid"))
        ));
        let answer = stage.send(request.header("cookie", &format!("gatepost={cookie}"))).await.expect(303);
        assert!(interaction(&answer).is_some(), "{answer:?}");
    }
}
