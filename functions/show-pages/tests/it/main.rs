//! Pages, tested through the API.

use local::Request;
use stage::Stage;

#[tokio::test]
async fn a_page_takes_scripts_and_styles_from_this_deployment_only() {
    let stage = Stage::new();

    let page = stage.send(Request::get("/pages/sign-in")).await.expect(200);

    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let html = String::from_utf8_lossy(page.octets()).into_owned();
    assert!(!html.contains("<style") && !html.contains(" onclick") && !html.contains(" style="), "{html}");
    for (path, media_type) in [("sign-in.js", "text/javascript"), ("style.css", "text/css")] {
        assert!(html.contains(&format!("\"/pages/{path}\"")), "{path}");
        let part = stage.send(Request::get(&format!("/pages/{path}"))).await.expect(200);
        assert!(part.header("content-type").starts_with(media_type), "{part:?}");
    }
}

#[tokio::test]
async fn no_other_page_exists() {
    let stage = Stage::new();
    for path in ["/pages/nothing", "/pages/..%2Fsign-in", "/pages/sign-in.html"] {
        stage.send(Request::get(path)).await.expect(404);
    }
}
