//! Servers outside of AWS. Locally and in tests, they are reached with the HTTP client below the SDK.

use std::{fmt, time::Duration};

use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        behavior_version::BehaviorVersion,
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        stalled_stream_protection::StalledStreamProtectionConfig,
    },
};
use aws_smithy_types::{body::SdkBody, timeout::TimeoutConfig};
use thiserror::Error;

use crate::Cloud;

/// A server that returns texts.
#[derive(Clone)]
pub struct Web(Operation<String, String, WebError>);

/// There was no response, or not a successful one.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the server did not respond")]
pub struct WebError;

impl Web {
    /// Creates a client of the server at `url`, with a timeout, and headers for each request.
    #[must_use]
    pub fn new(
        cloud: &Cloud,
        url: &str,
        time: Duration,
        headers: &'static [(&'static str, &'static str)],
    ) -> Self {
        let operation = Operation::builder()
            .service_name("web")
            .operation_name("get")
            .behavior_version(BehaviorVersion::latest())
            .http_client(cloud.web_client())
            .endpoint_url(url)
            .no_auth()
            .no_retry()
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .timeout_config(TimeoutConfig::builder().operation_timeout(time).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .serializer(move |path: String| request(&path, headers))
            .deserializer(text)
            .build();
        Self(operation)
    }

    /// Sends `GET path`. Returns the text if the status is 200.
    ///
    /// # Errors
    /// [`WebError`], without details, because the path may be confidential.
    pub async fn get(&self, path: String) -> Result<String, WebError> {
        self.0.invoke(path).await.map_err(|_| WebError)
    }
}

fn request(path: &str, headers: &[(&'static str, &'static str)]) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_method("GET")?;
    request.set_uri(path)?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, *value);
    }
    Ok(request)
}

fn text(response: &HttpResponse) -> Result<String, OrchestratorError<WebError>> {
    let body = response.body().bytes().filter(|_| response.status().as_u16() == 200);
    let text = body.and_then(|body| String::from_utf8(body.to_vec()).ok());
    text.ok_or_else(|| OrchestratorError::operation(WebError))
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Web")
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::oneshot,
    };

    use super::*;

    const TIME: Duration = Duration::from_millis(300);

    /// Sends a request to a server that returns one response.
    async fn asked(answer: &'static str) -> (Result<String, WebError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (tell, told) = oneshot::channel();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.expect("a request");
            request.truncate(length);
            stream.write_all(answer.as_bytes()).await.expect("answered");
            drop(tell.send(String::from_utf8(request).expect("text")));
            // The connection stays open, so the client waits for the rest of a truncated response.
            std::future::pending::<()>().await;
        });
        let web = Web::new(&Cloud::of_environment(), &url, TIME, &[("add-padding", "true")]);
        (web.get("/range/ABCDE".to_owned()).await, told.await.expect("a request"))
    }

    #[tokio::test]
    async fn a_text_is_fetched_over_the_network() {
        let (text, request) = asked("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nA:1\n").await;

        assert_eq!(text.as_deref(), Ok("A:1\n"));
        assert!(request.starts_with("GET /range/ABCDE HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nadd-padding: true\r\n"), "{request}");
        assert!(!request.contains("authorization"), "nothing is signed: {request}");
    }

    #[tokio::test]
    async fn unsuccessful_responses_are_errors() {
        for answer in [
            "HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nA:1\n",
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\nA:1\n",
            "nonsense\r\n\r\n",
            "",
        ] {
            assert_eq!(asked(answer).await.0, Err(WebError), "{answer}");
        }
        let nobody = Web::new(&Cloud::of_environment(), "https://127.0.0.1:1", TIME, &[]);
        assert_eq!(nobody.get("/".to_owned()).await, Err(WebError));
    }
}
