//! Requests of pages of other origins, with and without sockets.

use local::{Request, Response, Stack};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const APP: &str = "https://app.example.com";
const OTHER: &str = "http://localhost:5173";

fn allowing(origins: &str) -> Stack {
    Stack::memory().with_parameter("AllowedOrigins", origins).start().expect("a stack")
}

fn preflight(path: &str, origin: &str) -> Request {
    let request = Request::new("OPTIONS", path).header("origin", origin);
    request.header("access-control-request-method", "PATCH")
}

/// The headers of CORS, in order.
fn cors(response: &Response) -> Vec<(&str, &str)> {
    let headers = response.headers.iter().filter(|(name, _)| name.as_str().starts_with("access-control-"));
    let mut headers: Vec<_> =
        headers.map(|(name, value)| (name.as_str(), value.to_str().expect("text"))).collect();
    headers.sort_unstable();
    headers
}

#[tokio::test]
async fn a_preflight_of_an_allowed_origin_says_what_it_may_send() {
    let stack = allowing(&format!("{APP},{OTHER}"));
    for origin in [APP, OTHER] {
        let answer = stack.request(preflight("/v1/me", origin)).await;
        assert_eq!(answer.status, 204);
        let expected = [
            (
                "access-control-allow-headers",
                "authorization,content-type,idempotency-key,if-match,traceparent,x-correlation-id",
            ),
            ("access-control-allow-methods", "GET,HEAD,POST,PUT,PATCH,DELETE"),
            ("access-control-allow-origin", origin),
            ("access-control-expose-headers", "etag,location,retry-after,www-authenticate,x-correlation-id"),
            ("access-control-max-age", "7200"),
        ];
        assert_eq!(cors(&answer), expected);
    }
}

#[tokio::test]
async fn answers_and_refusals_can_be_read_by_pages_of_allowed_origins_only() {
    let stack = allowing(APP);
    let others =
        ["https://app.example.com.evil.example", "https://APP.example.com", "http://app.example.com", "null"];
    let log_in = Request::post("/v1/sessions", &json!({}));
    for request in [Request::get("/v1/health"), Request::get("/v1/me"), Request::get("/nowhere"), log_in] {
        let answer = stack.request(request.clone().header("origin", APP)).await;
        assert_eq!(answer.header("access-control-allow-origin"), APP, "{request:?}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{request:?}");
        assert_eq!(answer.header("vary"), "origin", "{request:?}");
        for other in others {
            assert_eq!(cors(&stack.request(request.clone().header("origin", other)).await), [], "{other}");
        }
        assert_eq!(cors(&stack.request(request).await), []);
    }
    for other in others {
        assert_eq!(cors(&stack.request(preflight("/v1/me", other)).await), [], "{other}");
    }
}

#[tokio::test]
async fn every_origin_or_none_can_be_allowed() {
    let every = allowing("*").request(Request::get("/v1/health").header("origin", OTHER)).await;
    assert_eq!(every.header("access-control-allow-origin"), "*");
    assert_eq!(every.header("access-control-allow-credentials"), "");

    let none = Stack::memory().start().expect("a stack");
    for request in [Request::get("/v1/health").header("origin", OTHER), preflight("/v1/me", OTHER)] {
        assert_eq!(cors(&none.request(request).await), []);
    }
}

#[tokio::test]
async fn mails_and_events_of_this_machine_can_be_read_by_no_other_origin() {
    let answer = allowing("*").request(Request::get("/_local/mail").header("origin", OTHER)).await;
    assert_eq!((answer.status, cors(&answer)), (200, Vec::new()));
}

#[tokio::test]
async fn uploads_are_taken_from_the_same_origins() {
    let stack = allowing(APP);
    let upload = |origin: &str| Request::new("POST", "/_local/s3/Uploads").header("origin", origin);
    let refused = stack.request(upload(APP)).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (400, APP));
    assert_eq!(cors(&stack.request(upload(OTHER)).await), []);
    let asked = stack.request(preflight("/_local/s3/Uploads", APP)).await;
    assert_eq!((asked.status, asked.header("access-control-allow-methods")), (200, "POST"));
}

#[tokio::test]
async fn only_names_of_this_machine_are_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let running = Stack::memory().start().expect("a stack").run(listener);
    let port = address.port();
    let ours = ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"];
    let ours = ours.iter().flat_map(|name| [(*name).to_owned(), format!("{name}:{port}")]);
    let others = ["rebound.example", "127.0.0.1.rebound.example", "localhost.", "0.0.0.0", "a b", ""];
    let others = others.iter().map(|name| format!("{name}:{port}"));
    let expected = ours.map(|host| (host, "200")).chain(others.map(|host| (host, "421")));
    for (host, status) in expected {
        for target in ["/v1/health", "/_local/mail"] {
            let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
            assert_eq!(status_of(address, &request).await, status, "{host}");
        }
    }
    let proxied =
        "GET http://rebound.example/_local/mail HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert_eq!(status_of(address, proxied).await, "421");
    let nameless = "GET /_local/mail HTTP/1.0\r\n\r\n";
    assert_eq!(status_of(address, nameless).await, "421");
    running.stop().await;
}

async fn status_of(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer.split(' ').nth(1).expect("a status").to_owned()
}
