//! Where the functions' tests play: the whole system in memory, entered through its gateway, with a
//! clock that stands until it is set.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "what a test stands on fails by a panic, anywhere"
)]

pub mod applications;
pub mod faults;
mod import;
pub mod outbox;
pub mod second_opinion;
pub mod upload;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cloud::{Clock, Cloud};
use domain::{Actor, EventContext, Role, Timestamp, User};
use local::{
    Request, Setup, Stack,
    calls::{Call, Fate},
};
use serde_json::{Value, json};
use upload::Form;

/// A password that nothing is wrong with.
pub const PASSWORD: &str = "correct horse battery";
/// Who is the administrator in most tests.
pub const ADA: &str = "ada@example.com";
/// Whom something is done to in most tests.
pub const BOB: &str = "bob@example.com";
/// 21 November 2026, 03:00 UTC.
const START_MILLIS: i64 = 1_795_230_000_000;

/// The system, and the time it believes it is.
pub struct Stage {
    /// The system.
    pub stack: Stack,
    time: Arc<AtomicI64>,
}

/// The system in which commits take their time: whoever is there at the same time has read the same.
#[must_use]
pub fn slowly(setup: Setup) -> Setup {
    setup.watched_by(|call: &Call| match call.operation.as_str() {
        "TransactWriteItems" => Fate::Delayed(Duration::from_millis(30)),
        _ => Fate::Proceed,
    })
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

/// The id of a user, as an answer shows them.
#[must_use]
pub fn id(user: &Value) -> &str {
    user["id"].as_str().expect("an id")
}

/// The subject of a user's events.
#[must_use]
pub fn subject(user: &Value) -> String {
    format!("user#{}", id(user))
}

/// Makes a user an administrator, as `gatepost users grant-admin` does.
pub async fn make_administrator(stack: &Stack, id: &str) {
    let (store, user, cause) = by_an_operator(stack, id).await;
    let granted = user.grant_role(&Role::admin().name, None, cause);
    let grant = granted.expect("room").expect("a new role");
    store.answering(None).change_user(&grant).await.expect("granted");
}

/// A user, and what an operator changes them by.
async fn by_an_operator(stack: &Stack, id: &str) -> (store::Store, User, EventContext) {
    let cloud = stack.cloud("grant-role").expect("a cloud");
    let store = store::Store::new(&cloud).expect("a store");
    let user = store.identities().user(id.parse().expect("an id")).await;
    let user = user.expect("an answer").expect("a user");
    (store, user, by_operator(&cloud))
}

fn by_operator(cloud: &Cloud) -> EventContext {
    let now = cloud.clock().now();
    EventContext {
        event_id: cloud.random().id(now),
        occurred_at: now,
        actor: Actor::Operator,
        correlation_id: "by-an-operator".to_owned(),
        traceparent: None,
    }
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
        // Only the clock of the test says how long anything takes, whatever else the machine has to do.
        let setup = second_opinion::ask(setup.with_clock(clock).patient());
        let stack = setup.start().expect("the stack starts");
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

    /// In how many round trips a function has made its calls.
    #[must_use]
    pub fn round_trips_of(&self, function: &str) -> usize {
        let calls = self.stack.calls();
        local::calls::round_trips(calls.iter().filter(|made| made.call.function == function))
    }

    /// Sends a request.
    pub async fn send(&self, request: Request) -> Answer {
        Answer::of(self.stack.request(request).await)
    }

    /// `POST path` with this JSON, from elsewhere.
    pub async fn post_from(&self, source: &str, path: &str, body: Value) -> Answer {
        let source = source.parse().expect("an IP address");
        Answer::of(self.stack.request_from(source, Request::post(path, &body)).await)
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
        let mut mails = self.stack.mail().into_iter().rev().filter(|mail| mail.to == [email]);
        let link = mails.find_map(|mail| mail.links.into_iter().next());
        let link = link.expect("a mail with a link");
        link.split_once("#token=").expect("a token in the link").1.to_owned()
    }

    /// Follows a link of a registration in another browser than the one that registered: chooses the usual password.
    pub async fn verify(&self, link: &str) -> Answer {
        self.post("/v1/registrations/verify", json!({"token": link, "password": PASSWORD})).await
    }

    /// Follows a link in the browser that got this answer to its registration.
    pub async fn verify_registered(&self, link: &str, registered: &Answer) -> Answer {
        let registration_token = &registered.body["registration_token"];
        let body = json!({"token": link, "registration_token": registration_token});
        self.post("/v1/registrations/verify", body).await
    }

    /// Makes somebody a user; the answer shows them.
    pub async fn registered(&self, email: &str) -> Value {
        let registered = self.register(email).await.expect(202);
        let link = self.link(email).await;
        self.verify_registered(&link, &registered).await.expect(201).body
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

    /// Makes somebody an administrator who is signed in.
    pub async fn administrator(&self, email: &str) -> Tokens {
        self.known_administrator(email).await.1
    }

    /// The same, and shows them.
    pub async fn known_administrator(&self, email: &str) -> (Value, Tokens) {
        let user = self.registered(email).await;
        self.make_administrator(&user).await;
        (user, Tokens::of(&self.log_in(email).await.expect(201).body))
    }

    /// An administrator who is signed in, and a user.
    pub async fn ada_and_bob(&self) -> (Tokens, Value) {
        (self.administrator(ADA).await, self.registered(BOB).await)
    }

    /// Makes a user an administrator, as `gatepost users grant-admin` does.
    pub async fn make_administrator(&self, user: &Value) {
        make_administrator(&self.stack, id(user)).await;
    }

    /// `POST path` with this JSON and an access token.
    pub async fn post_as(&self, path: &str, access_token: &str, body: Value) -> Answer {
        self.send(Request::post(path, &body).bearer(access_token)).await
    }

    /// Makes somebody a user who is invited to choose a password.
    pub async fn create_user(&self, access_token: &str, email: &str) -> Answer {
        self.post_as("/v1/users", access_token, json!({"email": email, "reason": "ticket 4711"})).await
    }

    /// Ends every session of a user, as `gatepost data finish-restore` does.
    pub async fn restore(&self, user: &Value) {
        let (store, user, cause) = by_an_operator(&self.stack, id(user)).await;
        store.answering(None).restore_user(&user.restored(cause)).await.expect("restored");
    }

    /// Says what a role permits.
    pub async fn put_role(&self, access_token: &str, name: &str, permissions: &[&str]) -> Answer {
        let request = Request::new("PUT", &format!("/v1/roles/{name}"));
        self.send(request.json(&json!({"permissions": permissions})).bearer(access_token)).await
    }

    /// Gives a user a role.
    pub async fn grant_role(&self, access_token: &str, user: &Value, role: &str) -> Answer {
        self.of_role("PUT", access_token, user, role).await
    }

    /// Takes a role from a user.
    pub async fn revoke_role(&self, access_token: &str, user: &Value, role: &str) -> Answer {
        self.of_role("DELETE", access_token, user, role).await
    }

    /// Keeps a user from signing in.
    pub async fn suspend(&self, access_token: &str, user: &Value) -> Answer {
        self.of_user("POST", "/suspend", access_token, user).await
    }

    /// Lets a user sign in again.
    pub async fn reactivate(&self, access_token: &str, user: &Value) -> Answer {
        self.of_user("POST", "/reactivate", access_token, user).await
    }

    /// Ends every session of a user.
    pub async fn end_sessions(&self, access_token: &str, user: &Value) -> Answer {
        self.of_user("POST", "/end-sessions", access_token, user).await
    }

    /// Deletes the account of a signed-in user with the usual password.
    pub async fn delete_account(&self, access_token: &str) -> Answer {
        let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
        self.send(delete.bearer(access_token)).await
    }

    /// Makes a user who has asked for their deletion, and shows them.
    pub async fn leaving(&self, email: &str) -> Value {
        let user = self.registered(email).await;
        let tokens = Tokens::of(&self.log_in(email).await.expect(201).body);
        self.delete_account(&tokens.access).await.expect(204);
        user
    }

    /// Deletes a user.
    pub async fn delete_user(&self, access_token: &str, user: &Value) -> Answer {
        self.of_user("DELETE", "", access_token, user).await
    }

    async fn of_user(&self, method: &str, what: &str, access_token: &str, user: &Value) -> Answer {
        let path = format!("/v1/users/{}{what}", id(user));
        let request = Request::new(method, &path).json(&json!({"reason": "ticket 4711"}));
        self.send(request.bearer(access_token)).await
    }

    async fn of_role(&self, method: &str, access_token: &str, user: &Value, role: &str) -> Answer {
        self.of_user(method, &format!("/roles/{role}"), access_token, user).await
    }

    /// Somebody who is signed in and has a role of these permissions, which an administrator has given them.
    pub async fn deputy(&self, admin: &Tokens, email: &str, permissions: &[&str]) -> (Value, Tokens) {
        let user = self.registered(email).await;
        self.put_role(&admin.access, "deputy", permissions).await.expect(200);
        self.grant_role(&admin.access, &user, "deputy").await.expect(204);
        // What log-in knows of roles may be a minute old.
        self.pass(Duration::from_mins(1));
        (user, Tokens::of(&self.log_in(email).await.expect(201).body))
    }

    /// Refreshes a session.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.post("/v1/sessions/refresh", json!({"refresh_token": refresh_token})).await
    }

    /// Ends the session of an access token.
    pub async fn log_out(&self, access_token: &str) -> Answer {
        self.send(Request::delete("/v1/sessions/current").bearer(access_token)).await
    }

    /// Asks for a new password; the token of the link that is mailed.
    pub async fn reset_link(&self, email: &str) -> String {
        self.post("/v1/password-resets", json!({"email": email})).await.expect(202);
        self.link(email).await
    }

    /// Chooses a new password by a link.
    pub async fn reset(&self, token: &str, password: &str) -> Answer {
        let body = json!({"token": token, "new_password": password});
        self.post("/v1/password-resets/confirm", body).await
    }

    /// Asks for another address, of a user with the usual password.
    pub async fn ask_for_email(&self, access_token: &str, email: &str) -> Answer {
        let body = json!({"new_email": email, "password": PASSWORD});
        self.send(Request::post("/v1/me/email", &body).bearer(access_token)).await
    }

    /// Asks for another address; the token of the link that is mailed there.
    pub async fn email_link(&self, access_token: &str, email: &str) -> String {
        self.ask_for_email(access_token, email).await.expect(202);
        self.link(email).await
    }

    /// Follows the link that proves another address.
    pub async fn verify_email(&self, access_token: &str, token: &str) -> Answer {
        let request = Request::post("/v1/me/email/verify", &json!({"token": token}));
        self.send(request.bearer(access_token)).await
    }

    /// Puts a new password in the place of the usual one.
    pub async fn change_password(&self, access_token: &str, password: &str) -> Answer {
        let body = json!({"current_password": PASSWORD, "new_password": password});
        self.send(Request::new("PUT", "/v1/me/password").json(&body).bearer(access_token)).await
    }

    /// A signed form to upload a picture by.
    pub async fn upload_form(&self, access_token: &str, content_type: &str) -> Form {
        let path = format!("/v1/me/picture/upload-form?content_type={content_type}");
        Form::of(&self.get(&path, access_token).await.expect(200).body)
    }

    /// Uploads a picture, as a PNG, which nobody sees yet.
    pub async fn upload(&self, access_token: &str, octets: &[u8]) {
        let form = self.upload_form(access_token, "image/png").await;
        self.send(form.with_file(octets)).await.expect(204);
    }

    /// Makes what was uploaded the picture of the user.
    pub async fn set_picture(&self, access_token: &str) -> Answer {
        self.send(Request::new("PUT", "/v1/me/picture").bearer(access_token)).await
    }

    /// Logs a user in with another password than the usual one.
    pub async fn log_in_with(&self, email: &str, password: &str) -> Answer {
        self.post("/v1/sessions", json!({"email": email, "password": password})).await
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
    fn of(response: local::Response) -> Self {
        let body = response.json().unwrap_or(Value::Null);
        Self { status: response.status, body, response }
    }

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

    /// The body, whatever it is.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.response.body
    }

    /// A header; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.response.header(name)
    }
}

impl Tokens {
    /// What the access token says.
    #[must_use]
    pub fn claims(&self) -> Value {
        let payload = self.access.split('.').nth(1).expect("a payload");
        let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        serde_json::from_slice(&payload).expect("JSON")
    }

    /// The tokens in an answer.
    #[must_use]
    pub fn of(answer: &Value) -> Self {
        let text =
            |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{name} in {answer}")).to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token"), session_id: text("session_id") }
    }
}
