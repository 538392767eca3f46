//! The headers of the responses of every route, and `HEAD` for every `GET`.

use local::{Request, template::Route};
use stage::{Answer, Stage};

const ID: &str = "01a1b2c3-0000-7000-8000-000000000000";

/// Returns the path of a route with values for its parameters.
fn path(route: &Route) -> String {
    let path = if route.path == "$default" { "/v1/nothing" } else { &route.path };
    let named =
        ["{id}", "{user_id}", "{picture_id}"].iter().fold(path.to_owned(), |p, name| p.replace(name, ID));
    named.replace("{name}", "admin").replace("{slug}", "not-found")
}

/// Sends a request without a body to each route, and one with an unknown method. `change` alters each of
/// them.
async fn answers(stage: &Stage, change: impl Fn(Request) -> Request) -> Vec<(String, Answer)> {
    let mut answers = Vec::new();
    for route in &stage.stack.template().routes {
        let request = Request::new(route.method.as_deref().unwrap_or("GET"), &path(route));
        answers.push((route.key(), stage.send(change(request)).await));
    }
    for request in [Request::delete("/v1/health"), Request::new("OPTIONS", "/v1/me")] {
        answers.push((format!("{request:?}"), stage.send(change(request)).await));
    }
    answers
}

#[tokio::test]
async fn every_answer_has_the_headers_that_protect_its_reader() {
    for (issuer, transport) in [("http://127.0.0.1:9000", ""), ("https://id.example.com", "max-age=31536000")]
    {
        let stage = Stage::with(|setup| setup.with_parameter("Issuer", issuer));
        for (route, answer) in answers(&stage, |request| request).await {
            let headers = [
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("vary", "origin"),
                ("strict-transport-security", transport),
            ];
            for (name, value) in headers {
                assert_eq!(answer.header(name), value, "{route}: {name}");
            }
            assert!(answer.header("x-correlation-id").len() >= 8, "{route}");
        }
    }
}

#[tokio::test]
async fn a_challenge_has_an_error_code_only_if_a_token_was_presented() {
    let stage = Stage::new();
    let challenges = |answers: Vec<(String, Answer)>| {
        let refused = answers.into_iter().filter(|(_, answer)| answer.status == 401);
        refused.map(|(_, answer)| answer.header("www-authenticate").to_owned()).collect::<Vec<_>>()
    };

    let without = challenges(answers(&stage, |request| request).await);
    let unknown = challenges(answers(&stage, |request| request.header("authorization", "Basic YTpi")).await);
    let with = challenges(answers(&stage, |request| request.bearer("x")).await);

    assert!(without.len() > 30 && without.iter().all(|challenge| challenge == "Bearer"), "{without:?}");
    assert_eq!(unknown, without, "the scheme is not supported: no token was presented");
    assert_eq!(with, vec![r#"Bearer error="invalid_token""#; without.len()]);
}

#[tokio::test]
async fn head_is_answered_like_get_without_the_body() {
    let stage = Stage::new();
    let (user, admin) = stage.known_administrator(stage::ADA).await;
    let reading: Vec<_> =
        stage.stack.template().routes.iter().filter(|route| route.method.as_deref() == Some("GET")).collect();
    assert!(reading.len() >= 18, "{reading:?}");

    for route in reading {
        let path = path(route).replace(ID, stage::id(&user));
        for token in [admin.access.as_str(), ""] {
            let ask = |method| {
                let request = Request::new(method, &path).header("x-correlation-id", "the-same-for-both");
                stage.send(if token.is_empty() { request } else { request.bearer(token) })
            };
            let (get, head) = (ask("GET").await, ask("HEAD").await);
            assert_eq!(head.status, get.status, "{path}");
            assert!(head.octets().is_empty(), "{path}");
            for name in ["content-type", "cache-control", "etag", "www-authenticate"] {
                assert_eq!(head.header(name), get.header(name), "{path}: {name}");
            }
        }
    }
    let refused = stage.send(Request::new("HEAD", "/v1/sessions")).await.expect(405);
    assert_eq!((refused.header("allow"), refused.octets()), ("POST, OPTIONS", &b""[..]));
}
