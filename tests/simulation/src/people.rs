//! People: what they know, what they do, and what they were promised.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{history::Act, lambda::Lambda, play::Play};

const PASSWORD: &str = "correct horse battery";
/// Access tokens last ten minutes: people refresh before that.
const FRESH_MILLIS: u64 = 8 * 60_000;

/// What somebody knows.
#[derive(Clone, Default)]
pub(crate) struct Person {
    links: Vec<String>,
    sessions: Vec<Session>,
}

#[derive(Clone)]
struct Session {
    id: String,
    /// The access token, and when it came; those from before the history are fresh.
    access: (String, u64),
    /// All refresh tokens, oldest first.
    refresh: Vec<String>,
}

/// What an answer has promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ack {
    /// A registration of this address is taken.
    Registered(String),
    /// There is a user of this id.
    Verified(String),
    /// There is a session.
    Started(String),
    /// The session was not ended before.
    Refreshed(String),
    /// The session has ended.
    Ended(String),
}

/// Everybody, knowing nothing.
pub(crate) fn nobody_yet(count: usize) -> Vec<Person> {
    vec![Person::default(); count]
}

fn email(person: usize) -> String {
    format!("person-{person}@example.com")
}

/// Notes the links of a mail.
pub(crate) fn got_mail(play: &Play, to: &str, links: &[String]) {
    let tokens = links.iter().filter_map(|link| Some(link.split_once("#token=")?.1.to_owned()));
    let tokens: Vec<_> = tokens.collect();
    let mut seen = play.seen();
    for (number, person) in seen.people.iter_mut().enumerate() {
        if email(number) == to {
            person.links.extend(tokens.iter().cloned());
        }
    }
}

/// Somebody does something, once; they know nothing of retries.
pub(crate) struct Doing {
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) play: Arc<Play>,
    pub(crate) person: usize,
}

impl Doing {
    pub(crate) async fn act(&self, act: Act) {
        let done = match act {
            Act::Register => self.register().await,
            Act::Verify => self.verify().await,
            Act::LogIn => self.log_in().await,
            Act::Refresh(pick) => self.refresh(pick, false).await,
            Act::Reuse(pick) => self.refresh(pick, true).await,
            Act::LogOut(pick) => self.log_out(pick).await,
        };
        self.play.write(&format!("{} {act:?} {}", self.person, done.is_some()));
    }

    async fn register(&self) -> Option<()> {
        let body = json!({"email": email(self.person), "password": PASSWORD});
        self.post("register", "/v1/registrations", &body, 202).await?;
        self.promised(Ack::Registered(email(self.person)));
        Some(())
    }

    async fn verify(&self) -> Option<()> {
        let link = self.play.seen().people[self.person].links.last().cloned()?;
        let path = "/v1/registrations/verify";
        let user = self.post("verify-registration", path, &json!({"token": link}), 201).await?;
        self.promised(Ack::Verified(text(&user, "id")?));
        Some(())
    }

    async fn log_in(&self) -> Option<()> {
        let body = json!({"email": email(self.person), "password": PASSWORD});
        let grant = self.post("log-in", "/v1/sessions", &body, 201).await?;
        let session = Session {
            id: text(&grant, "session_id")?,
            access: (text(&grant, "access_token")?, self.play.now()),
            refresh: vec![text(&grant, "refresh_token")?],
        };
        self.promised(Ack::Started(session.id.clone()));
        self.play.seen().people[self.person].sessions.push(session);
        Some(())
    }

    async fn refresh(&self, pick: usize, with_the_first: bool) -> Option<()> {
        let session = self.session(pick)?;
        let token = if with_the_first { session.refresh.first() } else { session.refresh.last() };
        let body = json!({"refresh_token": token});
        let grant = self.post("refresh-session", "/v1/sessions/refresh", &body, 200).await?;
        let (access, refresh) = (text(&grant, "access_token")?, text(&grant, "refresh_token")?);
        self.promised(Ack::Refreshed(session.id.clone()));
        let now = self.play.now();
        let mut seen = self.play.seen();
        let known = seen.people[self.person].sessions.iter_mut().find(|known| known.id == session.id)?;
        known.access = (access, now);
        if known.refresh.last() != Some(&refresh) {
            known.refresh.push(refresh);
        }
        Some(())
    }

    async fn log_out(&self, pick: usize) -> Option<()> {
        if self.session(pick)?.access.1 + FRESH_MILLIS < self.play.now() {
            self.refresh(pick, false).await?;
        }
        let session = self.session(pick)?;
        let request = Request::new("DELETE", "/v1/sessions/current").bearer(&session.access.0);
        self.send("log-out", request, 204).await?;
        self.promised(Ack::Ended(session.id));
        Some(())
    }

    fn session(&self, pick: usize) -> Option<Session> {
        let seen = self.play.seen();
        let sessions = &seen.people[self.person].sessions;
        sessions.get(pick.checked_rem(sessions.len())?).cloned()
    }

    fn promised(&self, ack: Ack) {
        let now = self.play.now();
        self.play.seen().acks.push((now, ack));
    }

    async fn post(&self, function: &'static str, path: &str, body: &Value, status: u64) -> Option<Value> {
        self.send(function, Request::new("POST", path).json(body), status).await
    }

    /// The answer's body, if there is an answer and it has this status.
    async fn send(&self, function: &'static str, request: Request, status: u64) -> Option<Value> {
        let answer = self.lambda.invoke(function, request.0.to_string()).await;
        let got = answer.as_ref().and_then(|answer| answer["statusCode"].as_u64());
        self.play.write(&format!("{} {function} {got:?}", self.person));
        let answer = answer.filter(|_| got == Some(status))?;
        Some(serde_json::from_str(answer["body"].as_str()?).unwrap_or_default())
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().map(str::to_owned)
}

/// What API Gateway hands to a function.
struct Request(Value);

impl Request {
    fn new(method: &str, path: &str) -> Self {
        Self(json!({
            "rawPath": path,
            "headers": {},
            "requestContext": {"http": {"method": method, "sourceIp": "203.0.113.7"}, "requestId": "request"},
            "isBase64Encoded": false,
        }))
    }

    fn json(mut self, body: &Value) -> Self {
        self.0["headers"]["content-type"] = "application/json".into();
        self.0["body"] = body.to_string().into();
        self
    }

    fn bearer(mut self, token: &str) -> Self {
        self.0["headers"]["authorization"] = format!("Bearer {token}").into();
        self
    }
}
