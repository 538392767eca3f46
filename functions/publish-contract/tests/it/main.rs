//! The contract and the problem pages, tested through the API.

use local::Request;
use stage::Stage;

#[tokio::test]
async fn the_contract_is_public_and_cacheable_and_needs_no_call() {
    let stage = Stage::with(local::Setup::recording);

    let contract = stage.send(Request::get("/openapi.json")).await.expect(200);

    assert_eq!(contract.body["openapi"], "3.1.0");
    assert_eq!(contract.header("content-type"), "application/json");
    assert_eq!(contract.header("cache-control"), "public, max-age=300");
    assert!(stage.stack.calls().is_empty());
}

#[tokio::test]
async fn every_problem_has_a_page_at_its_type() {
    let stage = Stage::new();
    let refused = stage.send(Request::get("/v1/me")).await.expect(401);
    let kind = refused.body["type"].as_str().expect("a type").to_owned();
    let path = kind.strip_prefix("http://127.0.0.1:9000").expect("a page of this service");

    let page = stage.stack.request(Request::get(path)).await;

    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(page.text().contains("Invalid token"), "{}", page.text());
}

#[tokio::test]
async fn the_list_of_problems_links_to_each_page() {
    let stage = Stage::new();
    let list = stage.stack.request(Request::get("/problems")).await.text();
    let links: Vec<_> =
        list.split("href=\"problems/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.len() > 15, "{links:?}");
    for slug in links {
        let page = stage.stack.request(Request::get(&format!("/problems/{slug}"))).await;
        assert_eq!(page.status, 200, "{slug}");
        assert!(page.text().contains(&format!("<code>{slug}</code>")), "{slug}");
    }
}

#[tokio::test]
async fn an_unknown_problem_has_no_page() {
    let stage = Stage::new();
    for path in ["/problems/nothing", "/problems/%3Cscript%3E"] {
        let refused = stage.send(Request::get(path)).await.expect(404);
        assert_eq!(refused.problem(), "not-found");
        assert!(!refused.body.to_string().contains("script"), "input is not reflected");
    }
}
