//! New passwords, as use cases take them.

use application::password::{NewPasswordError, NewPasswordRules, Present};
use cloud::Cloud;
use domain::{
    Actor, Applicant, Credential, Email, EventContext, Id, InvalidPassword, NewPassword, OwnWords, Password,
    Registration, RegistrationTokenHash, Secret, SessionId, Timestamp, User,
};
use hashing::{Hasher, Parameters, Verdict};

const SALT: [u8; 16] = [7; 16];

/// What is chosen when, with the passwords that are remembered.
struct Person {
    rules: NewPasswordRules,
    hasher: Hasher,
    user: User,
    credential: Credential,
}

fn rules(history: &str) -> NewPasswordRules {
    let settings = [
        ("ISSUER", "https://id.example.com"),
        ("SERVICE_NAME", "Gatepost"),
        ("PASSWORD_POLICY", "default"),
        ("PASSWORD_HISTORY", history),
        ("BREACHED_PASSWORDS", "off"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    NewPasswordRules::new(&Cloud::of_environment_but(settings)).expect("settings")
}

fn hasher(seed: &str) -> Hasher {
    let seeds = domain::Ring::parse_credentials(&format!(r#"{{"pepper":"{seed}"}}"#))
        .expect("a ring")
        .pepper_seeds_at(domain::Timestamp::from_millis(0));
    Hasher::new(Parameters::new(7_168, 5).expect("parameters"), &seeds)
}

fn cause() -> EventContext {
    let now = Timestamp::from_millis(1_795_230_000_000);
    EventContext {
        event_id: Id::new(now, [1; 10]),
        occurred_at: now,
        actor: Actor::Anonymous,
        correlation_id: "correlation".to_owned(),
        traceparent: None,
    }
}

fn password(text: &str) -> Password {
    Password::presented(&Secret::from(text.to_owned())).expect("a password")
}

fn token() -> RegistrationTokenHash {
    RegistrationTokenHash::from_bytes([4; 32])
}

fn session() -> SessionId {
    Id::new(Timestamp::from_millis(0), [2; 10])
}

impl Person {
    async fn with_history(history: &str) -> Self {
        let hasher = hasher("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        let rules = rules(history);
        let email = Email::parse("ada@example.com").expect("an address");
        let applicant = Applicant { email, first_name: None, last_name: None, locale: None };
        let own = OwnWords::default();
        let first = rules.settle(&hasher, &password("number one"), &own, Present::None, SALT).await;
        let first = first.expect("a first one");
        let id = Id::new(Timestamp::from_millis(0), [3; 10]);
        let (registration, _) =
            Registration::request(id, applicant, None, token(), std::time::Duration::from_hours(1), cause());
        let verified = registration.verify(Some(first), cause());
        let (user, credential, _) = verified.expect("a password was chosen");
        Self { rules, hasher, user, credential }
    }

    async fn settle(&self, text: &str) -> Result<NewPassword, NewPasswordError> {
        let (password, own) = (password(text), self.rules.own_words_of(&self.user));
        self.rules.settle(&self.hasher, &password, &own, Present::Hashed(&self.credential), SALT).await
    }

    async fn change(&mut self, text: &str) {
        let new = self.settle(text).await.expect("another one");
        let change = self.user.change_password(&self.credential, new, session(), cause());
        (self.user, self.credential) = (change.user.after, change.after);
    }

    async fn may_choose(&self, text: &str) -> bool {
        match self.settle(text).await {
            Ok(_) => true,
            Err(NewPasswordError::Unacceptable(wrong)) => {
                assert_eq!(wrong, [InvalidPassword::Reused]);
                false
            }
            Err(NewPasswordError::NoHash(failed)) => panic!("{failed}"),
        }
    }
}

#[tokio::test]
async fn as_many_of_the_last_passwords_as_are_remembered_do_not_come_back() {
    let mut person = Person::with_history("3").await;
    assert!(!person.may_choose("number one").await, "the present one");

    for next in ["number two", "number three", "number four"] {
        person.change(next).await;
    }

    assert!(person.may_choose("number one").await, "three others came since");
    for recent in ["number two", "number three", "number four"] {
        assert!(!person.may_choose(recent).await, "{recent}");
    }
    assert_eq!(person.credential.previous_hashes.len(), 2, "no more is kept than is needed");
}

#[tokio::test]
async fn where_none_is_remembered_none_is_compared_or_kept() {
    let mut person = Person::with_history("0").await;

    person.change("number one").await;
    person.change("number two").await;

    assert!(person.may_choose("number one").await);
    assert!(person.credential.previous_hashes.is_empty());
}

#[tokio::test]
async fn a_reset_remembers_as_a_change_does() {
    let mut person = Person::with_history("2").await;
    let new = person.settle("number two").await.expect("another one");

    let credential = person.user.reset_password(&person.credential, new, cause()).after;

    person.credential = credential;
    assert!(!person.may_choose("number one").await);
    let verdict = person.hasher.verify(&password("number two"), Some(&person.credential.password_hash)).await;
    assert_eq!(verdict, Ok(Verdict::Match));
}

#[tokio::test]
async fn an_old_hash_that_nobody_can_verify_any_more_is_no_hindrance() {
    let mut person = Person::with_history("3").await;
    person.hasher = hasher("ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba9876543210");

    assert!(person.may_choose("number one").await);
}
