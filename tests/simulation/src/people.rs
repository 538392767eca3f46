//! People: what they know, what they do, and what they were promised.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use stage::upload::{Form, PNG};
use tokio::time::sleep;

use crate::{history::Act, lambda::Lambda, play::Play, request::Request};

const PASSWORD: &str = "correct horse battery";
/// Access tokens last ten minutes: people refresh before that.
const FRESH_MILLIS: u64 = 8 * 60_000;
/// The pause before a request is sent a second time.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// What somebody knows.
#[derive(Clone, Default)]
pub(crate) struct Person {
    /// As what they are known, once they are a user.
    pub(crate) id: Option<String>,
    /// Of registrations.
    links: Vec<String>,
    /// The registration token in the answer to the last registration.
    registration: Option<String>,
    /// For another password, or the first one after an invitation.
    pub(crate) resets: Vec<String>,
    /// For another address.
    moves: Vec<String>,
    /// Every other address ever asked for; the newest is the last.
    addresses: Vec<String>,
    /// Every password ever chosen, whether or not that was answered; the newest is the last.
    passwords: Vec<String>,
    sessions: Vec<Session>,
}

#[derive(Clone)]
pub(crate) struct Session {
    id: String,
    /// The access token, and when it came; those from before the history are fresh.
    pub(crate) access: (String, u64),
    /// All refresh tokens, oldest first.
    refresh: Vec<String>,
}

/// What an answer has promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ack {
    /// A change is made, of which this is the event.
    Done(&'static str),
    /// There is a user of this id.
    Verified(String),
    /// There is a user of this id, who was invited.
    Invited(String),
    /// This was done to a user once.
    Had(&'static str, String),
    /// There is a session.
    Started(String),
    /// The session was not ended before.
    Refreshed(String),
    /// The session has ended.
    Ended(String),
}

impl Ack {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Done(kind) | Self::Had(kind, _) => kind,
            Self::Verified(_) => "user.registered",
            Self::Invited(_) => "user.created",
            Self::Started(_) => "session.started",
            Self::Refreshed(_) => "session refreshed",
            Self::Ended(_) => "session.ended",
        }
    }
}

/// Everybody, knowing nothing.
pub(crate) fn nobody_yet(count: usize) -> Vec<Person> {
    vec![Person::default(); count]
}

/// The address that a person begins with.
pub(crate) fn email(person: usize) -> String {
    format!("person-{person}@example.com")
}

/// Notes the links of a mail. All addresses of a person begin with the same name.
pub(crate) fn got_mail(play: &Play, to: &str, links: &[String]) {
    let name = to.split(['@', '+']).next().unwrap_or_default();
    let mut seen = play.seen();
    let Some(number) = (0..seen.people.len()).find(|number| name == format!("person-{number}")) else {
        return;
    };
    let person = &mut seen.people[number];
    for (page, token) in links.iter().filter_map(|link| link.split_once("#token=")) {
        let kept = match page.rsplit('/').next() {
            Some("reset-password") => &mut person.resets,
            Some("verify-email-change") => &mut person.moves,
            _ => &mut person.links,
        };
        kept.push(token.to_owned());
    }
}

/// A person does something once. A request that may change something is sent a second time under the same
/// `Idempotency-Key` if the first gets no answer or a failure.
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
            Act::EndSession(from, pick) => self.end_session(from, pick).await,
            Act::EndOthers(from) => self.end_others(from).await,
            Act::Rename(from) => self.rename(from).await,
            Act::ChangePassword(from) => self.change_password(from).await,
            Act::ForgetPassword => self.forget_password().await,
            Act::ResetPassword => self.reset_password().await,
            Act::RequestAddress(from) => self.request_address(from).await,
            Act::VerifyAddress(from) => self.verify_address(from).await,
            Act::SetPicture(from) => self.set_picture(from).await,
            Act::RemovePicture(from) => self.remove_picture(from).await,
            Act::Leave(from) => self.leave(from).await,
            Act::Depose(from) => self.depose(from).await,
            Act::Suspended(by) => self.suspended(by).await,
            Act::Reactivated(by) => self.reactivated(by).await,
            Act::SignedOut(by) => self.signed_out(by).await,
            Act::Deleted(by) => self.deleted(by).await,
            Act::Invited(by) => self.invited(by).await,
            Act::AcceptInvitation => self.accept_invitation().await,
            Act::Edited(by) => self.edited(by).await,
            Act::ResetStarted(by) => self.reset_started(by).await,
            Act::Granted(by, role) => self.granted(by, role).await,
            Act::Revoked(by, role) => self.revoked(by, role).await,
            Act::RoleChanged(by) => self.role_changed(by).await,
            Act::RoleDeleted(by) => self.role_deleted(by).await,
        };
        self.play.write(&format!("{} {act:?} {}", self.person, done.is_some()));
    }

    async fn register(&self) -> Option<()> {
        let body = json!({"email": email(self.person), "password": PASSWORD});
        let taken = self.post("register", "/v1/registrations", &body, 202).await?;
        self.play.seen().people[self.person].registration = text(&taken, "registration_token");
        self.promised(Ack::Done("registration.requested"));
        Some(())
    }

    async fn verify(&self) -> Option<()> {
        let person = self.play.seen().people[self.person].clone();
        let path = "/v1/registrations/verify";
        // Adopts the registration if the link is of the last one, else chooses the same password.
        let body = json!({
            "token": person.links.last()?, "registration_token": person.registration, "password": PASSWORD,
        });
        let user = self.post("verify-registration", path, &body, 201).await?;
        let id = text(&user, "id")?;
        self.play.seen().people[self.person].id = Some(id.clone());
        self.promised(Ack::Verified(id));
        Some(())
    }

    async fn log_in(&self) -> Option<()> {
        let grant = self.grant().await?;
        let session = Session {
            id: text(&grant, "session_id")?,
            access: (text(&grant, "access_token")?, self.play.now()),
            refresh: vec![text(&grant, "refresh_token")?],
        };
        self.promised(Ack::Started(session.id.clone()));
        self.play.seen().people[self.person].sessions.push(session);
        Some(())
    }

    /// Tries the addresses and passwords that may be the right ones.
    async fn grant(&self) -> Option<Value> {
        for address in self.addresses() {
            for password in self.passwords() {
                let body = json!({"email": address, "password": password});
                let granted = self.post("log-in", "/v1/sessions", &body, 201).await;
                if granted.is_some() {
                    return granted;
                }
            }
        }
        None
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
        let session = self.fresh(pick).await?;
        let request = Request::new("DELETE", "/v1/sessions/current").bearer(&session.access.0);
        self.send("log-out", request, 204).await?;
        self.promised(Ack::Ended(session.id));
        Some(())
    }

    async fn end_session(&self, from: usize, pick: usize) -> Option<()> {
        let (own, ended) = (self.fresh(from).await?, self.session(pick)?);
        let request = Request::new("DELETE", &format!("/v1/me/sessions/{}", ended.id));
        let request = request.parameter("id", &ended.id).bearer(&own.access.0);
        self.send("end-session", request, 204).await?;
        self.promised(Ack::Ended(ended.id));
        Some(())
    }

    async fn end_others(&self, from: usize) -> Option<()> {
        let own = self.fresh(from).await?;
        let request = Request::new("DELETE", "/v1/me/sessions").bearer(&own.access.0);
        self.send("end-other-sessions", request, 204).await?;
        self.promised(Ack::Done("sessions.ended"));
        Some(())
    }

    async fn rename(&self, from: usize) -> Option<()> {
        let own = self.fresh(from).await?;
        let name = json!({"first_name": self.play.random.uuid().to_string()});
        let request = Request::new("PATCH", "/v1/me").json(&name).bearer(&own.access.0);
        self.send("update-profile", request, 200).await?;
        self.promised(Ack::Done("user.updated"));
        Some(())
    }

    async fn change_password(&self, from: usize) -> Option<()> {
        let own = self.fresh(from).await?;
        let (known, chosen) = (self.passwords(), self.chosen());
        for password in known {
            let body = json!({"current_password": password, "new_password": chosen});
            let request = Request::new("PUT", "/v1/me/password").json(&body).bearer(&own.access.0);
            if self.send("change-password", request, 204).await.is_some() {
                self.promised(Ack::Done("user.password-changed"));
                return Some(());
            }
        }
        None
    }

    async fn forget_password(&self) -> Option<()> {
        let body = json!({"email": email(self.person)});
        self.post("request-password-reset", "/v1/password-resets", &body, 202).await?;
        self.promised(Ack::Done("password-reset.requested"));
        Some(())
    }

    async fn reset_password(&self) -> Option<()> {
        let link = self.play.seen().people[self.person].resets.last().cloned()?;
        let body = json!({"token": link, "new_password": self.chosen()});
        self.post("reset-password", "/v1/password-resets/confirm", &body, 204).await?;
        self.promised(Ack::Done("user.password-reset"));
        Some(())
    }

    async fn request_address(&self, from: usize) -> Option<()> {
        let own = self.fresh(from).await?;
        let address = format!("person-{}+{}@example.com", self.person, self.play.random.uuid().simple());
        self.play.seen().people[self.person].addresses.push(address.clone());
        for password in self.passwords() {
            let body = json!({"new_email": address, "password": password});
            let request = Request::new("POST", "/v1/me/email").json(&body).bearer(&own.access.0);
            if self.send("change-email", request, 202).await.is_some() {
                self.promised(Ack::Done("user.email-change-requested"));
                return Some(());
            }
        }
        None
    }

    async fn verify_address(&self, from: usize) -> Option<()> {
        let own = self.fresh(from).await?;
        let link = self.play.seen().people[self.person].moves.last().cloned()?;
        let request = Request::new("POST", "/v1/me/email/verify").json(&json!({"token": link}));
        self.send("verify-email-change", request.bearer(&own.access.0), 200).await?;
        self.promised(Ack::Done("user.email-changed"));
        Some(())
    }

    async fn set_picture(&self, from: usize) -> Option<()> {
        let own = self.fresh(from).await?;
        let form = Request::new("GET", "/v1/me/picture/upload-form").query("content_type=image/png");
        let form = self.send("read-upload-form", form.bearer(&own.access.0), 200).await?;
        let uploaded = self.lambda.stack.request(Form::of(&form).with_file(PNG)).await;
        self.play.write(&format!("{} uploaded {}", self.person, uploaded.status));
        let request = Request::new("PUT", "/v1/me/picture").bearer(&own.access.0);
        self.send("set-picture", request, 200).await?;
        self.promised(Ack::Done("user.updated"));
        self.counted("picture set");
        Some(())
    }

    /// A user who has no picture is left alone, without an event.
    async fn remove_picture(&self, from: usize) -> Option<()> {
        let own = self.fresh(from).await?;
        let request = Request::new("PATCH", "/v1/me").json(&json!({"picture": null}));
        self.send("update-profile", request.bearer(&own.access.0), 200).await?;
        self.counted("picture removed");
        Some(())
    }

    async fn leave(&self, from: usize) -> Option<()> {
        let own = self.fresh(from).await?;
        for password in self.passwords() {
            let request = Request::new("DELETE", "/v1/me").json(&json!({"password": password}));
            if self.send("delete-account", request.bearer(&own.access.0), 204).await.is_some() {
                self.promised(Ack::Done("user.deletion-requested"));
                return Some(());
            }
        }
        None
    }

    pub(crate) fn id(&self) -> Option<String> {
        self.play.seen().people[self.person].id.clone()
    }

    /// Counts what is no promise of an event.
    pub(crate) fn counted(&self, what: &'static str) {
        *self.play.seen().done.entry(what).or_default() += 1;
    }

    /// A new password, which may come to be the right one from now on.
    pub(crate) fn chosen(&self) -> String {
        let password = format!("{PASSWORD} {}", self.play.random.uuid());
        self.play.seen().people[self.person].passwords.push(password.clone());
        password
    }

    /// What the password may be, the likeliest first.
    fn passwords(&self) -> Vec<String> {
        let seen = self.play.seen();
        let chosen = seen.people[self.person].passwords.iter().rev().cloned();
        chosen.chain([PASSWORD.to_owned()]).collect()
    }

    /// The addresses that the person may have, the likeliest first.
    fn addresses(&self) -> Vec<String> {
        let seen = self.play.seen();
        let asked_for = seen.people[self.person].addresses.iter().rev().cloned();
        asked_for.chain([email(self.person)]).collect()
    }

    /// A session whose access token is still good.
    pub(crate) async fn fresh(&self, pick: usize) -> Option<Session> {
        if self.session(pick)?.access.1 + FRESH_MILLIS < self.play.now() {
            self.refresh(pick, false).await?;
        }
        self.session(pick)
    }

    fn session(&self, pick: usize) -> Option<Session> {
        let seen = self.play.seen();
        let sessions = &seen.people[self.person].sessions;
        sessions.get(pick.checked_rem(sessions.len())?).cloned()
    }

    pub(crate) fn promised(&self, ack: Ack) {
        let now = self.play.now();
        let mut seen = self.play.seen();
        *seen.done.entry(ack.kind()).or_default() += 1;
        seen.acks.push((now, ack));
    }

    pub(crate) async fn post(
        &self,
        function: &'static str,
        path: &str,
        body: &Value,
        status: u64,
    ) -> Option<Value> {
        self.send(function, Request::new("POST", path).json(body), status).await
    }

    /// Returns the body of the answer, if there is an answer and it has this status.
    pub(crate) async fn send(&self, function: &'static str, request: Request, status: u64) -> Option<Value> {
        let request = request.with_key(&self.play.random.uuid().to_string());
        let mut answer = self.answer(function, &request).await;
        let is_failed = |answer: &Value| answer["statusCode"].as_u64().is_none_or(|status| status >= 500);
        if request.changes() && answer.as_ref().is_none_or(is_failed) {
            sleep(AGAIN_AFTER).await;
            answer = self.answer(function, &request).await;
        }
        let answer = answer.filter(|answer| answer["statusCode"] == status)?;
        Some(serde_json::from_str(answer["body"].as_str()?).unwrap_or_default())
    }

    async fn answer(&self, function: &'static str, request: &Request) -> Option<Value> {
        let answer = self.lambda.invoke(function, request.0.to_string()).await;
        let got = answer.as_ref().and_then(|answer| answer["statusCode"].as_u64());
        self.play.write(&format!("{} {function} {got:?}", self.person));
        answer
    }
}

pub(crate) fn text(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().map(str::to_owned)
}
