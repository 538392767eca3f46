//! The gateway, over sockets and without.

use local::{Request, Stack};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::small::small;

async fn echoed(request: Request) -> Value {
    let stack = small().start().expect("a stack");
    stack.request(request).await.json().expect("the event")
}

#[tokio::test]
async fn a_request_becomes_an_event_in_payload_format_2() {
    let request = Request::new("PUT", "/a%20b/c?x=1&y=a%20b&x=2&z")
        .header("X-Some", "one")
        .header("x-some", "two")
        .header("cookie", "a=1; b=2")
        .header("x-forwarded-for", "203.0.113.7")
        .header("host", "gatepost.test")
        .header("user-agent", "test")
        .json(&1);
    let event = echoed(request).await;
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "$default");
    assert_eq!(event["rawPath"], "/a%20b/c");
    assert_eq!(event["rawQueryString"], "x=1&y=a%20b&x=2&z");
    assert_eq!(event["queryStringParameters"], serde_json::json!({"x": "1,2", "y": "a b", "z": ""}));
    assert_eq!(event["headers"]["x-some"], "one,two");
    assert_eq!(event["headers"]["cookie"], Value::Null);
    assert_eq!(event["cookies"], serde_json::json!(["a=1", "b=2"]));
    let context = &event["requestContext"];
    assert_eq!(context["http"]["method"], "PUT");
    assert_eq!(context["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["http"]["userAgent"], "test");
    assert_eq!(context["domainName"], "gatepost.test");
    assert_eq!((event["body"].as_str(), event["isBase64Encoded"].as_bool()), (Some("1"), Some(false)));
}

#[tokio::test]
async fn a_body_that_is_no_text_is_base64() {
    let event = echoed(Request::new("POST", "/").body(vec![0xff, 0xfe])).await;
    assert_eq!((event["body"].as_str(), event["isBase64Encoded"].as_bool()), (Some("//4="), Some(true)));
    let invalid = Request::new("POST", "/").header("content-type", "application/json").body(vec![0xff]);
    assert_eq!(echoed(invalid).await["isBase64Encoded"], true);
}

#[tokio::test]
async fn cookies_of_an_answer_become_headers_of_their_own() {
    let stack = small().start().expect("a stack");
    let response = stack.request(Request::get("/")).await;
    let cookies: Vec<_> = response.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
}

#[tokio::test]
async fn failures_are_answered_as_api_gateway_does() {
    let stack = small().start().expect("a stack");
    for (path, status, body) in [
        ("/fail", 500, r#"{"message":"Internal Server Error"}"#),
        ("/panic", 500, r#"{"message":"Internal Server Error"}"#),
        ("/hang", 503, r#"{"message":"Service Unavailable"}"#),
    ] {
        let response = stack.request(Request::get(path)).await;
        assert_eq!((response.status, response.text().as_str()), (status, body), "{path}");
    }
    let large = Request::new("POST", "/").body(vec![b'x'; 10 * 1024 * 1024 + 1]);
    assert_eq!(stack.request(large).await.status, 413);
    assert_eq!(stack.request(Request::get("/")).await.status, 200, "the next request is served");
}

async fn listening(stack: &Stack) -> (local::Running, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (stack.run(listener), TcpStream::connect(address).await.expect("a connection"))
}

async fn read_until(stream: &mut TcpStream, what: &str, times: usize) -> String {
    let mut text = Vec::new();
    while String::from_utf8_lossy(&text).matches(what).count() < times {
        let read = stream.read_buf(&mut text).await.expect("readable");
        assert_ne!(read, 0, "closed after {}", String::from_utf8_lossy(&text));
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn requests_in_a_pipeline_are_answered_in_order_on_one_connection() {
    let (running, mut stream) = listening(&small().start().expect("a stack")).await;
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let pipeline = request("/1") + &request("/2") + &request("/3");
    stream.write_all(pipeline.as_bytes()).await.expect("written");
    let answers = read_until(&mut stream, "\"version\":\"2.0\"}", 3).await;
    let position = |path: &str| answers.find(&format!(r#""rawPath":"{path}""#));
    assert!(position("/1") < position("/2") && position("/2") < position("/3"), "{answers}");
    running.stop().await;
}

/// `docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html`: 10,240 bytes.
#[tokio::test]
async fn a_request_line_with_too_many_bytes_of_header_values_is_refused() {
    let stack = small().start().expect("a stack");
    let line = "GET /a HTTP/1.1".len();
    let with_values =
        |bytes: usize| Request::get("/a").header("x-one", "x").header("x-two", &"x".repeat(bytes - line - 1));
    let with_query = |bytes: usize| Request::get(&format!("/a?{}", "x".repeat(bytes - line - 1)));

    for (name, request) in [("values", with_values(10_241)), ("query", with_query(10_241))] {
        let response = stack.request(request).await;
        let body = r#"{"message":"Request Header Fields Too Large"}"#;
        assert_eq!((response.status, response.text().as_str()), (431, body), "{name}");
    }
    for (name, request) in [("values", with_values(10_240)), ("query", with_query(10_240))] {
        assert_eq!(stack.request(request).await.status, 200, "{name}");
    }

    let (running, mut stream) = listening(&stack).await;
    let head = format!("GET /a HTTP/1.1\r\nhost: localhost\r\nx-one: {}\r\n\r\n", "x".repeat(10_240));
    stream.write_all(head.as_bytes()).await.expect("written");
    let answer = read_until(&mut stream, "Request Header Fields Too Large\"}", 1).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    drop(stream);
    running.stop().await;
}

#[tokio::test]
async fn a_large_body_is_refused_on_the_way() {
    let (running, mut stream) = listening(&small().start().expect("a stack")).await;
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10485761\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("written");
    let answer = read_until(&mut stream, "Request Entity Too Large", 1).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    drop(stream);
    running.stop().await;
}

#[tokio::test]
async fn a_running_request_is_finished_when_the_server_ends() {
    let gate = std::sync::Arc::new(tokio::sync::Notify::new());
    let reached = std::sync::Arc::new(tokio::sync::Notify::new());
    let (wait, tell) = (gate.clone(), reached.clone());
    let stack = small().watched_by(move |_| {
        tell.notify_one();
        let wait = wait.clone();
        local::calls::Fate::After(Box::pin(async move { wait.notified().await }))
    });
    let (running, mut stream) = listening(&stack.start().expect("a stack")).await;
    stream.write_all(b"POST /notes/x HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("written");
    reached.notified().await;
    let (answer, ()) = tokio::join!(read_until(&mut stream, "{}", 1), async {
        let stopping = running.stop();
        gate.notify_one();
        stopping.await;
    });
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
}
