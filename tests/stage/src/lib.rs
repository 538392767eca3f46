//! Where the functions' tests play: the whole system in memory, entered through its gateway, with a
//! clock that stands until it is set.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "what a test stands on fails by a panic, anywhere"
)]

pub mod outbox;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use cloud::Clock;
use domain::Timestamp;
use local::{Request, Setup, Stack};
use serde_json::{Value, json};

/// A password that nothing is wrong with.
pub const PASSWORD: &str = "correct horse battery";
/// 21 November 2026, 03:00 UTC.
const START_MILLIS: i64 = 1_795_230_000_000;

/// The system, and the time it believes it is.
pub struct Stage {
    /// The system.
    pub stack: Stack,
    time: Arc<AtomicI64>,
}

/// A response, taken apart.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; `null` if there is none.
    pub body: Value,
    response: local::Response,
}

/// The tokens of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// The session.
    pub session_id: String,
}

impl Stage {
    /// The system as the template says.
    #[must_use]
    pub fn new() -> Self {
        Self::with(|setup| setup)
    }

    /// The system in memory, with what `change` does to its setup.
    pub fn with(change: impl FnOnce(Setup) -> Setup) -> Self {
        Self::of(change(Stack::memory()))
    }

    /// The system of this setup.
    #[must_use]
    pub fn of(setup: Setup) -> Self {
        Self::at(setup, Timestamp::from_millis(START_MILLIS))
    }

    /// The system of this setup, whose clock stands at `start`.
    #[must_use]
    pub fn at(setup: Setup, start: Timestamp) -> Self {
        let time = Arc::new(AtomicI64::new(start.millis()));
        let hand = Arc::clone(&time);
        let clock = Clock::of(move || Timestamp::from_millis(hand.load(Ordering::SeqCst)));
        let stack = setup.with_clock(clock).start().expect("the stack starts");
        Self { stack, time }
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).expect("a time that a test can mean");
        self.time.fetch_add(millis, Ordering::SeqCst);
    }

    /// What was called so far is of no interest.
    pub fn forget_calls(&self) {
        drop(self.stack.calls());
    }

    /// Sends a request.
    pub async fn send(&self, request: Request) -> Answer {
        let response = self.stack.request(request).await;
        let body = response.json().unwrap_or(Value::Null);
        Answer { status: response.status, body, response }
    }

    /// `POST path` with this JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Request::post(path, &body)).await
    }

    /// `GET path` with an access token.
    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Request::get(path).bearer(token)).await
    }

    /// Lets everything that was set off come to its end.
    pub async fn settle(&self) {
        self.stack.settle().await.expect("nothing is stuck");
    }

    /// Asks for an account.
    pub async fn register(&self, email: &str) -> Answer {
        self.post("/v1/registrations", json!({"email": email, "password": PASSWORD})).await
    }

    /// The token of the newest link that was mailed to an address.
    pub async fn link(&self, email: &str) -> String {
        self.settle().await;
        let mail = self.stack.mail().into_iter().rfind(|mail| mail.to == [email]).expect("a mail");
        let link = mail.links.first().expect("a link in the mail");
        link.split_once("#token=").expect("a token in the link").1.to_owned()
    }

    /// Makes somebody a user; the answer shows them.
    pub async fn registered(&self, email: &str) -> Value {
        self.register(email).await.expect(202);
        let token = self.link(email).await;
        self.post("/v1/registrations/verify", json!({"token": token})).await.expect(201).body
    }

    /// Logs a user in.
    pub async fn log_in(&self, email: &str) -> Answer {
        self.post("/v1/sessions", json!({"email": email, "password": PASSWORD})).await
    }

    /// Makes somebody a user who is signed in.
    pub async fn signed_in(&self, email: &str) -> Tokens {
        self.registered(email).await;
        Tokens::of(&self.log_in(email).await.expect(201).body)
    }

    /// Refreshes a session.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.post("/v1/sessions/refresh", json!({"refresh_token": refresh_token})).await
    }

    /// Ends the session of an access token.
    pub async fn log_out(&self, access_token: &str) -> Answer {
        self.send(Request::delete("/v1/sessions/current").bearer(access_token)).await
    }

    /// The types of the events that were published of a subject, in order.
    pub async fn events_of(&self, subject: &str) -> Vec<String> {
        self.settle().await;
        let events = self.stack.events();
        let events: Vec<_> = events.iter().filter(|event| event.detail["subject"] == subject).collect();
        for (event, number) in events.iter().zip(1..) {
            assert_eq!(event.detail["sequence"], format!("{number:012}"), "numbered 1, 2, 3…");
        }
        events.iter().map(|event| event.detail_type.clone()).collect()
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

impl Answer {
    /// The answer, which is of this status.
    #[expect(clippy::return_self_not_must_use, reason = "often the status is all there is to see")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// The slug of the problem that it is.
    #[must_use]
    pub fn problem(&self) -> &str {
        let kind = self.body["type"].as_str().unwrap_or_default();
        kind.rsplit('/').next().unwrap_or_default()
    }

    /// A header; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.response.header(name)
    }
}

impl Tokens {
    /// The tokens in an answer.
    #[must_use]
    pub fn of(answer: &Value) -> Self {
        let text =
            |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{name} in {answer}")).to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token"), session_id: text("session_id") }
    }
}
