//! Somebody with an address and a password of their own.

use std::sync::Mutex;

use serde_json::{Value, json};

use crate::{Answer, Place};

/// Somebody with an address and a password of their own.
pub struct Person {
    /// Where Gatepost runs.
    pub place: Place,
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: String,
    /// The registration token in the answer to the newest registration.
    pub registration_token: Mutex<Option<String>>,
}

/// What a log-in or a refresh grants.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// The session.
    pub session_id: String,
}

impl Person {
    /// Somebody new.
    #[must_use]
    pub fn new() -> Self {
        let unique = uuid::Builder::from_random_bytes(random()).into_uuid().simple().to_string();
        let email = format!("Ada.{}@Example.com", &unique[..12]);
        let password = format!("correct horse {}", &unique[12..]);
        Self { place: Place::here(), email, password, registration_token: Mutex::default() }
    }

    /// The same person.
    #[must_use]
    pub fn again(&self) -> Self {
        let registration_token = Mutex::new(self.registration_token());
        Self {
            place: self.place.clone(),
            email: self.email.clone(),
            password: self.password.clone(),
            registration_token,
        }
    }

    /// Asks for an account.
    #[must_use]
    pub fn register(&self) -> Answer {
        let names = json!({"email": self.email, "password": self.password, "first_name": "Ada", "last_name": "Lovelace"});
        let answer = self.place.post("/v1/registrations", &names);
        if let (Some(token), Ok(mut newest)) =
            (answer.body["registration_token"].as_str(), self.registration_token.lock())
        {
            *newest = Some(token.to_owned());
        }
        answer
    }

    fn registration_token(&self) -> Option<String> {
        self.registration_token.lock().ok()?.clone()
    }

    /// The link tokens mailed so far, oldest first.
    #[must_use]
    pub fn link_tokens(&self) -> Vec<String> {
        let token = |mail: String| {
            let (_, after) = mail.split_once("#token=")?;
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            Some(after.chars().take_while(|c| is_part(*c)).collect())
        };
        self.place.mails_to(&self.email).into_iter().filter_map(token).collect()
    }

    /// The token in the newest of `count` mails.
    #[must_use]
    pub fn link_token(&self, count: usize) -> String {
        self.place.until("the mail", |_| self.link_tokens().into_iter().nth(count - 1))
    }

    /// Follows a link, as a page does: in the browser that registered, else with a password that is entered now.
    #[must_use]
    pub fn verify(&self, token: &str) -> Answer {
        let path = "/v1/registrations/verify";
        let adopting = json!({"token": token, "registration_token": self.registration_token()});
        let answer = self.place.post(path, &adopting);
        if answer.status != 422 {
            return answer;
        }
        self.place.post(path, &json!({"token": token, "password": self.password}))
    }

    /// Logs in.
    #[must_use]
    pub fn log_in(&self) -> Answer {
        self.place.post("/v1/sessions", &json!({"email": self.email, "password": self.password}))
    }

    /// Somebody new who has proven the address; with the user's id.
    #[must_use]
    pub fn registered() -> (Self, String) {
        let person = Self::new();
        person.register().expect(202);
        let user = person.verify(&person.link_token(1)).expect(201).body;
        let id = user["id"].as_str().expect("an id").to_owned();
        (person, id)
    }

    /// Somebody new who is signed in; with the user's id.
    #[must_use]
    pub fn signed_in() -> (Self, String, Tokens) {
        let (person, id) = Self::registered();
        let tokens = Tokens::of(&person.log_in().expect(201).body);
        (person, id, tokens)
    }

    /// Refreshes a session.
    #[must_use]
    pub fn refresh(&self, refresh_token: &str) -> Answer {
        self.place.post("/v1/sessions/refresh", &json!({"refresh_token": refresh_token}))
    }
}

impl Default for Person {
    fn default() -> Self {
        Self::new()
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

/// Good enough to keep addresses apart: the standard library seeds its hashers at random.
fn random() -> [u8; 16] {
    use std::hash::{BuildHasher, RandomState};
    let half = || RandomState::new().hash_one(std::thread::current().id()).to_be_bytes();
    let (first, second) = (half(), half());
    std::array::from_fn(|at| if at < 8 { first[at] } else { second[at - 8] })
}
