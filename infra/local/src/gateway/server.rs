//! The gateway's socket: HTTP/1.1 on the loopback interface.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http::{header, request::Parts, uri::Authority};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    body::{Body, Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

use super::{
    api::Gateway,
    limits::MAX_BODY,
    message::{Request, Response},
};

/// More connections than this wait until others are closed.
const CONNECTIONS: usize = 512;
/// How long a client may take over a request's head, and over its body.
const SLOWEST_HEAD: Duration = Duration::from_secs(10);
const SLOWEST_BODY: Duration = Duration::from_secs(30);
/// API Gateway takes 10 KiB of request line and headers.
const BUFFER: usize = 16 * 1024;
/// How long running requests may take when the server ends.
const FAREWELL: Duration = Duration::from_secs(10);

/// Serves until `stop` says so, then lets running requests finish.
pub(crate) async fn serve(gateway: Arc<Gateway>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let place = tokio::select! {
            () = ended(&mut stop) => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = ended(&mut stop) => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let connection = converse(Arc::clone(&gateway), stream, peer, stop.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            // Out of file descriptors, say: others will be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    drop(listener);
    let _ = timeout(FAREWELL, async { while connections.join_next().await.is_some() {} }).await;
}

async fn converse(
    gateway: Arc<Gateway>,
    stream: TcpStream,
    peer: SocketAddr,
    mut stop: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let gateway = Arc::clone(&gateway);
        async move { Ok::<_, Infallible>(respond(&gateway, request, peer).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SLOWEST_HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // An error is a client that went away or spoke no HTTP: nobody is left to be told.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = ended(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn respond(
    gateway: &Gateway,
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
) -> hyper::Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    if !is_for_this_machine(&head) {
        return rendered(Response::message(421, "Misdirected Request"));
    }
    let response = match read(body).await {
        Ok(body) => {
            let request = Request { method: head.method, target: head.uri, headers: head.headers, body };
            gateway.answer(request, peer.ip()).await
        }
        Err(refusal) => refusal,
    };
    rendered(response)
}

/// Returns whether the request names this machine. A page whose own name was made to lead here would
/// otherwise be of the same origin as the API, and could read all mails.
fn is_for_this_machine(head: &Parts) -> bool {
    let named = head.uri.authority().cloned().or_else(|| {
        let host = head.headers.get(header::HOST)?;
        host.to_str().ok()?.parse::<Authority>().ok()
    });
    named.is_some_and(|named| {
        ["localhost", "127.0.0.1", "[::1]"].iter().any(|ours| named.host().eq_ignore_ascii_case(ours))
    })
}

fn rendered(response: Response) -> hyper::Response<Full<Bytes>> {
    let mut rendered = hyper::Response::new(Full::new(response.body));
    *rendered.status_mut() = http::StatusCode::from_u16(response.status).unwrap_or_default();
    *rendered.headers_mut() = response.headers;
    rendered
}

async fn read(body: Incoming) -> Result<Bytes, Response> {
    let too_large = || Response::message(413, "Request Entity Too Large");
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(too_large());
    }
    match timeout(SLOWEST_BODY, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(Response::message(408, "Request Timeout")),
    }
}

async fn ended(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
