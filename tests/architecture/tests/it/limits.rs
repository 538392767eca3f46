//! Each route with its costs, its mails and its limits. The table is compared with the system: a successful
//! request has the listed costs, and beyond each limit a request has none of them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use local::{Request, Setup, Stack, calls::Made};
use serde_json::json;
use stage::{ADA, Answer, BOB, PASSWORD, Stage, id};

use crate::again;

/// A cost of a request beyond reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    /// A change of the tables.
    Write,
    /// At least one Argon2id hash.
    Hash,
    /// A picture that is decoded and rendered.
    Decode,
    /// A signed access token.
    Signature,
}

/// The recipient of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    /// The unproven address in the request.
    Named,
    /// The user whose account is changed.
    User,
    /// The user, at the previous address.
    Former,
}

/// The key of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Address,
    Source,
    /// The user of the account.
    User,
    /// The user or administrator who sends the request.
    Asking,
    Device,
    /// The registration of the link.
    Registration,
    /// The request of an `Idempotency-Key`.
    Receipt,
}

/// The reason why a mail or a hash has no limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    /// It uses up the result of another route with limits.
    Spends(&'static str),
    Limits(&'static [Key]),
    None,
}

struct Row {
    route: &'static str,
    costs: &'static [Cost],
    mails: &'static [To],
    bound: Bound,
}

const fn row(route: &'static str, costs: &'static [Cost], mails: &'static [To], bound: Bound) -> Row {
    Row { route, costs, mails, bound }
}

const fn read(route: &'static str) -> Row {
    row(route, &[], &[], Bound::None)
}

const fn write(route: &'static str) -> Row {
    row(route, &[Cost::Write], &[], Bound::None)
}

use Bound::{Limits, Spends};
use Cost::{Decode, Hash, Signature, Write};
use To::{Former, Named, User};

/// A new route is listed here before anything passes.
const ROUTES: [Row; 56] = [
    read("$default"),
    read("GET /.well-known/jwks.json"),
    read("GET /.well-known/openid-configuration"),
    read("GET /.well-known/oauth-authorization-server"),
    // A session that is in use is kept by a write now and then.
    read("GET /oauth2/authorize"),
    read("POST /oauth2/authorize"),
    read("GET /oauth2/userinfo"),
    read("POST /oauth2/userinfo"),
    read("GET /pages/{page}"),
    row("POST /oauth2/token", &[Write, Signature], &[], Bound::None),
    write("POST /oauth2/revoke"),
    write("POST /v1/interactions"),
    read("GET /openapi.json"),
    read("GET /problems"),
    read("GET /problems/{slug}"),
    read("GET /v1/health"),
    read("GET /v1/me"),
    read("GET /v1/me/events"),
    read("GET /v1/me/export"),
    read("GET /v1/me/picture/upload-form"),
    read("GET /v1/me/sessions"),
    read("GET /v1/pictures/{user_id}/{picture_id}"),
    read("GET /v1/roles"),
    read("GET /v1/roles/{name}"),
    read("GET /v1/user-counts"),
    read("GET /v1/users"),
    read("GET /v1/users/{id}"),
    read("GET /v1/users/{id}/events"),
    write("DELETE /v1/me/grants/{client_id}"),
    write("DELETE /v1/me/sessions"),
    write("DELETE /v1/me/sessions/{id}"),
    write("DELETE /v1/roles/{name}"),
    write("DELETE /v1/sessions/current"),
    write("DELETE /v1/users/{id}/roles/{name}"),
    write("PATCH /v1/me"),
    write("PATCH /v1/users/{id}"),
    write("POST /v1/users/{id}/end-sessions"),
    write("PUT /v1/roles/{name}"),
    write("PUT /v1/users/{id}/roles/{name}"),
    row("POST /v1/sessions/refresh", &[Write, Signature], &[], Bound::None),
    row("DELETE /v1/me", &[Write, Hash], &[User], Limits(&[Key::User, Key::Receipt])),
    row("DELETE /v1/users/{id}", &[Write], &[User], Spends("POST /v1/users/{id}/reactivate")),
    row(
        "POST /v1/me/email",
        &[Write, Hash],
        &[User, Named],
        Limits(&[Key::User, Key::Address, Key::Asking, Key::Source, Key::Receipt]),
    ),
    row("POST /v1/me/email/verify", &[Write], &[Former, User], Spends("POST /v1/me/email")),
    row("POST /v1/password-resets", &[Write], &[Named], Limits(&[Key::Address, Key::Source])),
    row(
        "POST /v1/password-resets/confirm",
        &[Write, Hash],
        &[User],
        Limits(&[Key::User, Key::Source, Key::Receipt]),
    ),
    row(
        "POST /v1/registrations",
        &[Write, Hash],
        &[Named],
        Limits(&[Key::Address, Key::Source, Key::Receipt]),
    ),
    row(
        "POST /v1/registrations/verify",
        &[Write, Hash],
        &[],
        Limits(&[Key::Registration, Key::Source, Key::Receipt]),
    ),
    row("POST /v1/registrations/resend", &[Write], &[Named], Limits(&[Key::Address, Key::Source])),
    row(
        "POST /v1/sessions",
        &[Write, Hash, Signature],
        &[],
        Limits(&[Key::Address, Key::Source, Key::Device, Key::Receipt]),
    ),
    row("POST /v1/users", &[Write], &[Named], Limits(&[Key::Address, Key::Asking, Key::Source])),
    row(
        "POST /v1/users/{id}/password-reset",
        &[Write],
        &[User],
        Limits(&[Key::User, Key::Asking, Key::Source]),
    ),
    row("POST /v1/users/{id}/reactivate", &[Write], &[User], Limits(&[Key::User, Key::Asking, Key::Source])),
    row("POST /v1/users/{id}/suspend", &[Write], &[User], Spends("POST /v1/users/{id}/reactivate")),
    row("PUT /v1/me/password", &[Write, Hash], &[User], Limits(&[Key::User, Key::Receipt])),
    row("PUT /v1/me/picture", &[Write, Decode], &[], Limits(&[Key::User])),
];

#[test]
fn every_route_is_listed_with_its_costs_and_limits() {
    let stack = Stack::memory().start().expect("the stack starts");
    let key = |route: &local::template::Route| match &route.method {
        Some(method) => format!("{method} {}", route.path),
        None => route.path.clone(),
    };
    // A reading route also accepts `HEAD`, with the same function.
    let routes = stack.template().routes.iter();
    let routes = routes.filter(|route| route.method.as_deref() != Some("HEAD"));
    let mut template: Vec<_> = routes.map(key).collect();
    template.sort_unstable();
    let mut rows: Vec<_> = ROUTES.iter().map(|row| row.route.to_owned()).collect();
    rows.sort_unstable();

    assert_eq!(rows, template);
}

#[test]
fn no_hash_no_mail_and_no_decoding_is_without_a_limit() {
    let has_limits = |route: &str| {
        ROUTES
            .iter()
            .any(|row| row.route == route && matches!(row.bound, Limits(limits) if !limits.is_empty()))
    };
    for row in ROUTES {
        let is_dear = !row.mails.is_empty() || row.costs.iter().any(|cost| [Hash, Decode].contains(cost));
        let is_bound = match row.bound {
            Limits(limits) => !limits.is_empty(),
            Spends(other) => has_limits(other),
            Bound::None => false,
        };
        assert!(!is_dear || is_bound, "{} has no limit", row.route);
    }
}

/// Counts the hashes of all functions in their log lines.
#[derive(Clone, Default)]
struct Hashes(Arc<Mutex<Vec<String>>>);

impl Hashes {
    fn watching(&self, setup: Setup) -> Setup {
        let hashes = self.clone();
        setup.recording().logging_to(move |line| {
            if line.metrics().iter().any(|metric| metric.name == "HashTime") {
                hashes.0.lock().expect("a list").push(line.function().to_owned());
            }
        })
    }

    fn take(&self) -> usize {
        std::mem::take(&mut *self.0.lock().expect("a list")).len()
    }
}

/// The observed costs of a request.
#[derive(Debug, Default, PartialEq, Eq)]
struct Observed {
    costs: Vec<Cost>,
    mails: usize,
}

impl Key {
    /// Returns whether the item of this limit has refused an attempt.
    fn has_refused(self, calls: &[Made]) -> bool {
        let name = match self {
            Self::Address => "address",
            Self::Source => "source",
            Self::User => "user",
            Self::Asking => "asking-user",
            Self::Device => "device",
            Self::Registration => "registration",
            Self::Receipt => "receipt",
        };
        let is_limit = |made: &Made| {
            let mut keys = made.call.touches.iter().filter_map(|touch| touch.partition_key.as_deref());
            keys.any(|pk| pk.starts_with("LIMIT#") && pk.split('#').nth(2) == Some(name))
        };
        calls.iter().any(|made| made.status == Some(400) && is_limit(made))
    }
}

/// Returns whether a write had no event, apart from limits.
fn writes_directly(calls: &[Made]) -> bool {
    let is_limit = |made: &&Made| {
        let mut keys = made.call.touches.iter().filter_map(|touch| touch.partition_key.as_deref());
        keys.any(|pk| pk.starts_with("LIMIT#"))
    };
    let mut written =
        calls.iter().filter(|made| ["PutItem", "UpdateItem"].contains(&made.call.operation.as_str()));
    written.any(|made| !is_limit(&made))
}

async fn observe(stage: &Stage, hashes: &Hashes, request: Request) -> (Answer, Observed, Vec<Made>) {
    stage.settle().await;
    let mails = stage.stack.mail().len();
    stage.forget_calls();
    hashes.take();

    let answer = stage.send(request).await;

    let calls = stage.stack.calls();
    let operated = |name: &str| calls.iter().any(|made| made.call.operation == name);
    let is_signed = answer.body["access_token"].is_string();
    let costs = [
        (Write, operated("TransactWriteItems") || writes_directly(&calls)),
        (Hash, hashes.take() > 0),
        (Decode, operated("GetObject")),
        (Signature, is_signed),
    ];
    let costs = costs.into_iter().filter(|(_, is_seen)| *is_seen).map(|(cost, _)| cost).collect();
    stage.settle().await;
    (answer, Observed { costs, mails: stage.stack.mail().len() - mails }, calls)
}

#[tokio::test]
async fn a_request_that_succeeds_costs_what_is_listed() {
    for row in ROUTES.iter().filter(|row| again::changing().contains(row.route)) {
        let hashes = Hashes::default();
        let stage = Stage::with(|setup| hashes.watching(setup));
        let request = again::ready(row.route, &stage).await;

        let (answer, observed, _) = observe(&stage, &hashes, request).await;

        assert!((200..300).contains(&answer.status), "{}: {}", row.route, answer.body);
        // These requests name an address that is not registered.
        let mails = if ["/resend", "/password-resets"].iter().any(|end| row.route.ends_with(end)) {
            0
        } else {
            row.mails.len()
        };
        let expected = Observed { costs: row.costs.to_vec(), mails };
        assert_eq!(observed, expected, "{}", row.route);
    }
}

/// Returns a stage on which only the tested limit is near.
fn limited(hashes: &Hashes, key: Key) -> Stage {
    let (address, source) = match key {
        Key::Source => ("15", "3"),
        _ => ("3", "100000"),
    };
    // Administrators may request as many mails as a source.
    let mails_from_source = if key == Key::Asking { "3" } else { source };
    Stage::with(|setup| {
        hashes
            .watching(setup)
            .with_parameter("LogInAttemptsPerAddress", address)
            .with_parameter("LogInAttemptsPerIp", source)
            .with_parameter("MailRequestsPerAddress", address)
            .with_parameter("MailRequestsPerIp", mails_from_source)
    })
}

/// More requests than any limit permits.
const ENOUGH: usize = 30;
/// After this pause, a source can continue.
const PAUSE: Duration = Duration::from_mins(10);

#[tokio::test]
async fn beyond_each_limit_a_request_is_refused_and_costs_nothing() {
    for row in ROUTES {
        let Limits(keys) = row.bound else { continue };
        for key in keys {
            let hashes = Hashes::default();
            let stage = limited(&hashes, *key);
            let mut requests = requests(row.route, *key, &stage).await.into_iter();
            let (answer, mut observed, calls) = loop {
                let request =
                    requests.next().unwrap_or_else(|| panic!("{} by {key:?} is endless", row.route));
                let (answer, observed, calls) = observe(&stage, &hashes, request).await;
                if answer.status == 429 || key.has_refused(&calls) {
                    break (answer, observed, calls);
                }
                assert!(answer.status < 500, "{} by {key:?}: {}", row.route, answer.body);
            };

            assert!(key.has_refused(&calls), "{}: not the limit by {key:?}", row.route);
            if row.route == "DELETE /v1/me" && *key == Key::Receipt {
                // The first request has ended the session. Every comparison gets that response, counted or
                // not.
                assert_eq!(answer.status, 401, "{}", answer.body);
            } else {
                let wait: u32 = answer.header("retry-after").parse().expect("a Retry-After");
                assert!(wait > 0 && answer.problem() == "rate-limited", "{} by {key:?}", row.route);
            }
            // Mails for a change of address are counted after the password, which has its own limit.
            if row.route == "POST /v1/me/email" && ![Key::User, Key::Receipt].contains(key) {
                observed.costs.retain(|cost| *cost != Hash);
            }
            assert_eq!(observed, Observed::default(), "{} by {key:?}", row.route);
        }
    }
}

/// Returns requests that reach the limit by `key` before any other one.
async fn requests(route: &str, key: Key, stage: &Stage) -> Vec<Request> {
    if key == Key::Receipt {
        return guesses_under_a_key(route, stage).await;
    }
    let (_, path) = route.split_once(' ').expect("a path");
    match path {
        "/v1/registrations" | "/v1/registrations/resend" | "/v1/password-resets" => {
            let body = |number| json!({"email": address(key, number)});
            let mut bodies: Vec<_> = (0..ENOUGH).map(body).collect();
            if path == "/v1/registrations" {
                for body in &mut bodies {
                    body["password"] = PASSWORD.into();
                }
            }
            bodies.iter().map(|body| Request::post(path, body)).collect()
        }
        "/v1/sessions" => log_ins(key, stage).await,
        "/v1/password-resets/confirm" => resets(key, stage).await,
        "/v1/registrations/verify" => verifications(key, stage).await,
        _ if path.starts_with("/v1/users") => by_administrator(path, key, stage).await,
        _ => at_home(route, key, stage).await,
    }
}

/// Returns the same address each time, unless the limit is shared by many addresses.
fn address(key: Key, number: usize) -> String {
    match key {
        Key::Source | Key::Asking => format!("user{number}@example.com"),
        _ => BOB.to_owned(),
    }
}

async fn log_ins(key: Key, stage: &Stage) -> Vec<Request> {
    stage.registered(BOB).await;
    let known = stage.log_in(BOB).await.expect(201).body["device_token"].clone();
    let body = |number| {
        let mut body = json!({"email": address(key, number), "password": "not the password at all"});
        if key == Key::Device {
            body["device_token"] = known.clone();
        }
        body
    };
    (0..ENOUGH).map(|number| Request::post("/v1/sessions", &body(number))).collect()
}

/// Resets with a guessable password, with links of one user or of a different user each.
async fn resets(key: Key, stage: &Stage) -> Vec<Request> {
    let mut links = Vec::new();
    let count = if key == Key::Source { 5 } else { 1 };
    for number in 0..count {
        let email = format!("user{number}@example.com");
        stage.pass(PAUSE);
        stage.registered(&email).await;
        links.push(stage.reset_link(&email).await);
    }
    let body = |link: &String| json!({"token": link, "new_password": "PasswordPassword"});
    let request = |link| Request::post("/v1/password-resets/confirm", &body(link));
    links.iter().cycle().take(ENOUGH).map(request).collect()
}

/// Verifications with a guessable password, with links of one registration or of a different one each.
async fn verifications(key: Key, stage: &Stage) -> Vec<Request> {
    let mut links = Vec::new();
    let count = if key == Key::Source { 5 } else { 1 };
    for number in 0..count {
        let email = format!("user{number}@example.com");
        stage.pass(PAUSE);
        stage.register(&email).await.expect(202);
        links.push(stage.link(&email).await);
    }
    let body = |link: &String| json!({"token": link, "password": "PasswordPassword"});
    let request = |link| Request::post("/v1/registrations/verify", &body(link));
    links.iter().cycle().take(ENOUGH).map(request).collect()
}

/// Returns requests about one user, or about a different one each.
async fn by_administrator(path: &str, key: Key, stage: &Stage) -> Vec<Request> {
    let mut paths = vec![path.to_owned(); 5];
    if path != "/v1/users" {
        let users = if key == Key::User { 1 } else { 5 };
        paths.clear();
        for number in 0..users {
            stage.pass(PAUSE);
            let user = stage.registered(&format!("user{number}@example.com")).await;
            paths.push(path.replace("{id}", id(&user)));
        }
    }
    stage.pass(PAUSE);
    let admin = stage.administrator(ADA).await;
    let body = |number| match path {
        "/v1/users" => json!({"email": address(key, number), "reason": "ticket 4711"}),
        _ => json!({"reason": "ticket 4711"}),
    };
    let request = |(number, path): (usize, &String)| {
        let request = Request::post(path, &body(number)).bearer(&admin.access);
        // Only suspended users can be reactivated.
        let user = path.strip_suffix("/reactivate");
        let suspend = user.map(|user| Request::post(&format!("{user}/suspend"), &body(number)));
        suspend.map(|suspend| suspend.bearer(&admin.access)).into_iter().chain([request])
    };
    (0..ENOUGH).zip(paths.iter().cycle()).flat_map(request).collect()
}

async fn at_home(route: &str, key: Key, stage: &Stage) -> Vec<Request> {
    let here = stage.signed_in(ADA).await;
    let (method, path) = route.split_once(' ').expect("a method");
    let password = if key == Key::User { "not the password at all" } else { PASSWORD };
    let body = |number| match path {
        "/v1/me/password" => {
            json!({"current_password": password, "new_password": "another horse, a battery"})
        }
        "/v1/me/email" => json!({"new_email": address(key, number), "password": password}),
        _ => json!({"password": password}),
    };
    let request = |number| match path {
        "/v1/me/picture" => Request::new(method, path),
        _ => Request::new(method, path).json(&body(number)),
    };
    (0..ENOUGH).map(|number| request(number).bearer(&here.access)).collect()
}

/// Returns a request that has succeeded under a key, and guesses at its password.
async fn guesses_under_a_key(route: &str, stage: &Stage) -> Vec<Request> {
    let request = again::ready(route, stage).await;
    let first = again::send(stage, &request).await;
    assert!((200..300).contains(&first.status), "{route}: {}", first.body);
    let guess = again::under_the_key(&request).header("if-match", "\"0\"");
    vec![guess; ENOUGH]
}
