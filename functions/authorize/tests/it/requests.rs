//! Requests that are refused: on a page until client and redirect URI hold, by the redirect URI afterwards.

use domain::oauth::{ClientKind, NewClient, RedirectUri};
use stage::{
    ADA, Stage,
    applications::{Application, Browser, parameter, query, shop},
};

/// A request in which one parameter differs.
fn with<'a>(application: &'a Application, name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut parameters = application.request("openid");
    parameters.retain(|(other, _)| *other != name);
    parameters.push((name, value));
    parameters
}

fn without<'a>(application: &'a Application, name: &str) -> Vec<(&'a str, &'a str)> {
    let mut parameters = application.request("openid");
    parameters.retain(|(other, _)| *other != name);
    parameters
}

#[tokio::test]
async fn o2_nothing_is_redirected_before_client_and_redirect_uri_hold() {
    let stage = Stage::new();
    let shop = stage.application(shop()).await;
    let twice = [shop.request("openid"), vec![("state", "<script>")]].concat();
    let long = "x".repeat(4096);
    for parameters in [
        without(&shop, "client_id"),
        with(&shop, "client_id", "nothing"),
        with(&shop, "client_id", "https://evil.example/client"),
        without(&shop, "redirect_uri"),
        with(&shop, "redirect_uri", "https://evil.example/cb"),
        with(&shop, "redirect_uri", "https://shop.example/cb/../evil"),
        with(&shop, "redirect_uri", "https://shop.example/CB"),
        with(&shop, "redirect_uri", "https://shop.example/cb?x"),
        with(&shop, "redirect_uri", "javascript:alert(1)//https://shop.example/cb"),
        with(&shop, "state", &long),
        twice,
        Vec::new(),
    ] {
        let refused = Browser::default().authorize(&stage, &parameters).await.expect(400);

        let page = String::from_utf8_lossy(refused.octets()).into_owned();
        assert_eq!(refused.header("location"), "", "{parameters:?}");
        assert!(page.contains("Sign-in is not possible"), "{page}");
        assert!(!page.contains("evil") && !page.contains("<script>"), "{page}");
        assert!(refused.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(refused.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn o4_a_code_challenge_is_s256_and_required() {
    let stage = Stage::new();
    let shop = stage.application(shop()).await;
    let plain = with(&shop, "code_challenge_method", "plain");
    let missing = without(&shop, "code_challenge");
    let method_missing = without(&shop, "code_challenge_method");
    let short = with(&shop, "code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw");
    for parameters in [plain, missing, method_missing, short] {
        let refused = Browser::default().authorize(&stage, &parameters).await.expect(303);

        let location = refused.header("location");
        assert!(location.starts_with("https://shop.example/cb?error=invalid_request"), "{location}");
        assert_eq!(parameter(location, "state").as_deref(), Some("a state"));
        assert_eq!(parameter(location, "iss").as_deref(), Some("http://127.0.0.1:9000"));
    }
}

#[tokio::test]
async fn other_errors_are_sent_to_the_client() {
    let stage = Stage::new();
    let shop = stage.application(shop()).await;
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "code id_token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("scope", "orders:read", "invalid_scope"),
        ("scope", "", "invalid_scope"),
        ("scope", "open\"id", "invalid_scope"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "nothing", "invalid_request"),
        ("max_age", "-1", "invalid_request"),
        ("request", "eyJhbGciOiJub25lIn0..", "request_not_supported"),
        ("request_uri", "https://shop.example/request", "request_uri_not_supported"),
        ("prompt", "none", "login_required"),
    ] {
        let parameters = with(&shop, name, value);
        let refused = Browser::default().authorize(&stage, &parameters).await.expect(303);
        let location = refused.header("location");
        assert_eq!(parameter(location, "error").as_deref(), Some(error), "{name}={value}");
        assert!(location.starts_with("https://shop.example/cb?"), "{location}");
    }
}

#[tokio::test]
async fn o1_the_port_is_free_for_a_native_clients_loopback_uri_only() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let uri = |kind| RedirectUri::parse("http://127.0.0.1/cb", kind).expect("a URI");
    let native = NewClient {
        kind: ClientKind::Native,
        redirect_uris: vec![uri(ClientKind::Native)],
        auth_method: domain::oauth::AuthMethod::None,
        ..shop()
    };
    let native = stage.application(native).await;
    let web = NewClient {
        id: domain::oauth::ClientId::parse("web").expect("an id"),
        redirect_uris: vec![uri(ClientKind::Web)],
        ..shop()
    };
    let web = stage.application(web).await;
    let asks = |application: Application, uri: &'static str| {
        let stage = &stage;
        async move {
            let parameters = with(&application, "redirect_uri", uri);
            Browser::default().authorize(stage, &parameters).await.status
        }
    };

    assert_eq!(asks(native.clone(), "http://127.0.0.1:49152/cb").await, 303);
    assert_eq!(asks(native.clone(), "http://127.0.0.1:49152/other").await, 400);
    assert_eq!(asks(native, "http://localhost:49152/cb").await, 400);
    assert_eq!(asks(web.clone(), "http://127.0.0.1/cb").await, 303);
    assert_eq!(asks(web, "http://127.0.0.1:49152/cb").await, 400);
}

#[tokio::test]
async fn a_posted_request_is_sent_on_by_get() {
    let stage = Stage::new();
    let shop = stage.application(shop()).await;
    let request = local::Request::new("POST", "/oauth2/authorize")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(query(&shop.request("openid")));

    let answer = stage.send(request).await.expect(303);

    assert!(answer.header("location").starts_with("/oauth2/authorize?client_id=shop&"), "{answer:?}");
}

#[tokio::test]
async fn form_post_posts_the_code() {
    let stage = Stage::new();
    stage.registered(ADA).await;
    let shop = stage.application(shop()).await;
    let mut browser = Browser::default();
    browser.code(&stage, &shop.request("openid"), ADA).await;

    let answer = browser.authorize(&stage, &with(&shop, "response_mode", "form_post")).await.expect(200);

    let page = String::from_utf8_lossy(answer.octets()).into_owned();
    assert!(page.contains("<form method=\"post\" action=\"https://shop.example/cb\">"), "{page}");
    assert!(page.contains("name=\"code\" value=\"gpa_"), "{page}");
    assert!(answer.header("content-security-policy").contains("script-src 'sha256-"), "{answer:?}");
}
