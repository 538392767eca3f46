//! Links, and the claim on an address.

use std::thread;

use journeys::Person;
use serde_json::json;

#[test]
fn a_link_is_good_once() {
    let person = Person::new();
    person.register().expect(202);
    let token = person.link_token(1);

    person.verify(&token).expect(201);

    assert_eq!(person.verify(&token).expect(400).problem(), "link-invalid");
}

#[test]
fn an_altered_link_is_not_good() {
    let person = Person::new();
    person.register().expect(202);
    let token = person.link_token(1);

    for at in [4, token.len() / 2, token.len() - 1] {
        let mut altered: Vec<_> = token.bytes().collect();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).expect("ASCII");
        assert_eq!(person.verify(&altered).expect(400).problem(), "link-invalid", "{at}");
    }
    for none in ["", "gpl_", "gpl_AAAA", "☃"] {
        assert_eq!(person.verify(none).expect(400).problem(), "link-invalid", "{none}");
    }
    person.verify(&token).expect(201);
}

#[test]
fn a_newer_link_replaces_an_older_one() {
    let person = Person::new();
    person.register().expect(202);
    let first = person.link_token(1);

    // Another spelling of the same address.
    let resent =
        person.place.post("/v1/registrations/resend", &json!({"email": person.email.to_lowercase()}));
    assert_eq!(resent.expect(202).body["status"], "verification_sent");
    let second = person.link_token(2);

    assert_eq!(person.verify(&first).expect(400).problem(), "link-invalid");
    person.verify(&second).expect(201);
}

#[test]
fn nobody_can_learn_who_has_an_account() {
    let (known, _) = Person::registered();
    let unknown = Person::new();

    for path in ["/v1/registrations", "/v1/registrations/resend"] {
        let ask = |person: &Person| {
            let mut body = json!({"email": person.email});
            if path == "/v1/registrations" {
                body["password"] = json!("another password for it");
            }
            let mut body = person.place.post(path, &body).expect(202).body;
            if let Some(token) = body.get_mut("registration_token") {
                assert!(token.as_str().is_some_and(|token| token.len() == 47), "{token}");
                *token = json!("");
            }
            body
        };
        assert_eq!(ask(&known), ask(&unknown), "{path}");
    }
    let wrong = |person: &Person| {
        let guess = json!({"email": person.email, "password": "quite another password"});
        let mut problem = person.place.post("/v1/sessions", &guess).expect(401).body;
        problem["correlation_id"] = json!("");
        problem
    };
    assert_eq!(wrong(&known), wrong(&unknown));
}

#[test]
fn of_many_registrations_for_one_address_the_first_proven_gets_it() {
    // As many as may name one address at once.
    const RIVALS: usize = 5;
    let person = Person::new();
    for _ in 0..RIVALS {
        person.register().expect(202);
    }
    let tokens = person
        .place
        .until("the mails", |_| Some(person.link_tokens()).filter(|tokens| tokens.len() == RIVALS));

    // Twenty requests a link: a hundred verifications of one address at once.
    let statuses: Vec<_> = thread::scope(|scope| {
        let all: Vec<_> = tokens.iter().cycle().take(20 * RIVALS).collect();
        let verify = |token: &String| person.verify(token).status;
        let requests: Vec<_> = all.into_iter().map(|token| scope.spawn(move || verify(token))).collect();
        requests.into_iter().map(|request| request.join().expect("an answer")).collect()
    });

    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    // Only so many passwords may be entered for one link.
    assert!(statuses.iter().all(|status| [201, 400, 429].contains(status)), "{statuses:?}");
    person.log_in().expect(201);
}

#[test]
fn following_a_strangers_registration_gives_its_reader_the_only_password() {
    let owner = Person::new();
    let mut stranger = owner.again();
    "chosen by a stranger, later".clone_into(&mut stranger.password);
    owner.register().expect(202);
    let _ = owner.link_token(1);
    stranger.register().expect(202);

    let link = owner.link_token(2);
    let user = owner.verify(&link).expect(201).body;

    assert_eq!(user["first_name"], json!(null), "nothing of the stranger is kept");
    assert_eq!(stranger.log_in().expect(401).problem(), "invalid-credentials");
    owner.log_in().expect(201);
}

#[test]
fn registering_again_mails_that_there_is_an_account() {
    let (person, _) = Person::registered();

    person.register().expect(202);

    let told = |mail: &String| {
        mail.contains("An account with this address already exists") && !mail.contains("#token=")
    };
    person.place.until("the mail", |place| place.mails_to(&person.email).into_iter().find(told));
}
