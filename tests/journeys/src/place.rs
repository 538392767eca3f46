//! Where Gatepost runs: in this process, or wherever `GATEPOST_URL` says.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use serde_json::Value;
use stage::upload::Form;
use ureq::{Agent, RequestBuilder, http::HeaderMap, typestate::WithBody};

/// Mail and events travel behind the answers: this long they may take, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Gatepost, as seen from outside.
#[derive(Clone)]
pub struct Place {
    url: String,
    mailbox: String,
    events: String,
    agent: Agent,
}

/// What was answered to one request.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: HeaderMap,
    /// `null` if there is no body.
    pub body: Value,
}

impl Place {
    /// The place that `GATEPOST_URL` names, with its mail at `GATEPOST_MAILBOX` and its events at
    /// `GATEPOST_EVENTS`; without them the whole system, started once in this process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a test is told by its environment where to go")]
    pub fn here() -> Self {
        static LOCAL: OnceLock<String> = OnceLock::new();
        let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is set"));
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        let agent = config.build().new_agent();
        if std::env::var_os("GATEPOST_URL").is_some() {
            let (url, mailbox) = (variable("GATEPOST_URL"), variable("GATEPOST_MAILBOX"));
            return Self { url, mailbox, events: variable("GATEPOST_EVENTS"), agent };
        }
        let url = LOCAL.get_or_init(start).clone();
        let (mailbox, events) = (format!("{url}/_local/mail"), format!("{url}/_local/events"));
        Self { url, mailbox, events, agent }
    }

    /// The access token of an administrator: of the one whom `GATEPOST_ADMINISTRATOR` names, by address and password
    /// with a space between them, or of a new one in this process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a test is told by its environment who is there")]
    pub fn administrator(&self) -> String {
        let named = std::env::var("GATEPOST_ADMINISTRATOR").ok();
        let named = named.as_deref().and_then(|named| named.split_once(' '));
        let named = named.map(|(email, password)| (email.to_owned(), password.to_owned()));
        let (email, password) = named.unwrap_or_else(new_administrator);
        let body = serde_json::json!({"email": email, "password": password});
        let grant = self.post("/v1/sessions", &body).expect(201).body;
        crate::Tokens::of(&grant).access
    }

    /// `POST path` with a JSON body.
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_raw(path, "application/json", &body.to_string())
    }

    /// `POST path` with any body.
    #[must_use]
    pub fn post_raw(&self, path: &str, content_type: &str, body: &str) -> Answer {
        let request = self.agent.post(format!("{}{path}", self.url)).header("content-type", content_type);
        Answer::of(request.send(body).unwrap_or_else(|error| panic!("POST {path}: {error}")))
    }

    /// `POST path` with this JSON, with an access token.
    #[must_use]
    pub fn post_as(&self, path: &str, token: &str, body: &Value) -> Answer {
        send(self.agent.post(format!("{}{path}", self.url)), Some(token), body)
    }

    /// Posts a signed form with a file, wherever it wants to be posted.
    #[must_use]
    pub fn upload(&self, form: &Form, octets: &[u8]) -> Answer {
        let (content_type, body) = form.filled_in(octets);
        let request = self.agent.post(&form.url).header("content-type", content_type);
        Answer::of(request.send(body).unwrap_or_else(|error| panic!("POST {}: {error}", form.url)))
    }

    /// `PUT path` with this JSON, with an access token.
    #[must_use]
    pub fn put(&self, path: &str, token: &str, body: &Value) -> Answer {
        send(self.agent.put(format!("{}{path}", self.url)), Some(token), body)
    }

    /// `GET path`, with an access token or without.
    #[must_use]
    pub fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        Answer::of(request.call().unwrap_or_else(|error| panic!("GET {path}: {error}")))
    }

    /// `DELETE path`, with an access token or without.
    #[must_use]
    pub fn delete(&self, path: &str, token: Option<&str>) -> Answer {
        let mut request = self.agent.delete(format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        Answer::of(request.call().unwrap_or_else(|error| panic!("DELETE {path}: {error}")))
    }

    /// `PATCH path` with a JSON body, with an access token or without.
    #[must_use]
    pub fn patch(&self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        send(self.agent.patch(format!("{}{path}", self.url)), token, body)
    }

    /// `DELETE path` with a JSON body, with an access token or without.
    #[must_use]
    pub fn delete_with(&self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        send(self.agent.delete(format!("{}{path}", self.url)).force_send_body(), token, body)
    }

    /// The texts of the mails to an address so far.
    #[must_use]
    pub fn mails_to(&self, address: &str) -> Vec<String> {
        let mut mails = Vec::new();
        collect(&self.read(&self.mailbox), &mut |object| {
            let to = object.get("to").or_else(|| object.get("To")).map(Value::to_string);
            let text = object.get("text").or_else(|| object.get("BodyText")).and_then(Value::as_str);
            if let (true, Some(text)) = (to.is_some_and(|to| to.contains(&format!("\"{address}\""))), text) {
                mails.push(text.to_owned());
            }
        });
        mails
    }

    /// The CloudEvents published so far, in order.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        let mut events = Vec::new();
        collect(&self.read(&self.events), &mut |object| {
            // The local bus lists events; a queue lists messages whose body is one.
            let message =
                object.get("Body").and_then(Value::as_str).and_then(|body| serde_json::from_str(body).ok());
            let event: Value = message.unwrap_or_else(|| Value::Object(object.clone()));
            if event["detail"]["specversion"] == "1.0" {
                events.push(event["detail"].clone());
            }
        });
        events
    }

    /// The events whose subject is `subject`, in order.
    #[must_use]
    pub fn events_of(&self, subject: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["subject"] == subject).collect()
    }

    /// What `look` finds, as soon as it finds something.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(started.elapsed() < PATIENCE, "{what} did not come");
            // Looking costs the machine that is looked at as much as it costs us.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn read(&self, url: &str) -> Value {
        Answer::of(self.agent.get(url).call().unwrap_or_else(|error| panic!("GET {url}: {error}"))).body
    }
}

fn send(mut request: RequestBuilder<WithBody>, token: Option<&str>, body: &Value) -> Answer {
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = request.header("content-type", "application/json").send(body.to_string());
    Answer::of(answer.unwrap_or_else(|error| panic!("no answer: {error}")))
}

impl Answer {
    fn of(response: ureq::http::Response<ureq::Body>) -> Self {
        let (parts, mut body) = response.into_parts();
        let text = body.read_to_string().unwrap_or_default();
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        };
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// The answer, which is of this status.
    #[expect(
        clippy::return_self_not_must_use,
        clippy::must_use_candidate,
        reason = "often the status is all there is to see"
    )]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// The answer's header `name`, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The slug of the problem, which this answer is and is whole (RFC 9457).
    #[must_use]
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        assert_eq!(self.body["status"], self.status);
        assert_eq!(self.body["correlation_id"], self.header("x-correlation-id"));
        assert_eq!(self.header("cache-control"), "no-store");
        for text in ["title", "detail"] {
            assert!(self.body[text].as_str().is_some_and(|text| !text.is_empty()), "{}", self.body);
        }
        let kind = self.body["type"].as_str().expect("a type");
        kind.rsplit_once("/problems/").expect("a type of ours").1.to_owned()
    }
}

/// Calls `visit` with every object in a document.
fn collect(document: &Value, visit: &mut impl FnMut(&serde_json::Map<String, Value>)) {
    match document {
        Value::Object(object) => {
            visit(object);
            object.values().for_each(|value| collect(value, visit));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, visit)),
        _ => {}
    }
}

/// Whoever is to be an administrator of the system in this process, and who waits for it.
type Promotion = (String, std::sync::mpsc::Sender<()>);

static PROMOTIONS: OnceLock<tokio::sync::mpsc::UnboundedSender<Promotion>> = OnceLock::new();

/// Somebody new, whom an operator has made an administrator of the system in this process.
fn new_administrator() -> (String, String) {
    let (person, id) = crate::Person::registered();
    let (done, is_done) = std::sync::mpsc::channel();
    let promotions = PROMOTIONS.get().expect("GATEPOST_ADMINISTRATOR is set where the system is elsewhere");
    promotions.send((id, done)).expect("the stack runs");
    is_done.recv().expect("an administrator");
    (person.email, person.password)
}

/// Starts the whole system in this process, for as long as it lives; returns where it is.
fn start() -> String {
    let (promote, mut promoted) = tokio::sync::mpsc::unbounded_channel();
    PROMOTIONS.set(promote).expect("it is started once");
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let url = format!("http://{}", listener.local_addr().expect("an address"));
            let stack = stage::second_opinion::ask(local::Stack::memory().at(&url))
                .start()
                .expect("the stack starts");
            let _running = stack.run(listener);
            tell.send(url).expect("somebody waits");
            while let Some((id, done)) = promoted.recv().await {
                stage::make_administrator(&stack, &id).await;
                done.send(()).expect("somebody waits");
            }
        });
    });
    told.recv().expect("the stack runs")
}
