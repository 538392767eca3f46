//! Another password, another address: what the owner does, and is told.

use std::thread;

use journeys::{Person, Tokens};
use serde_json::json;

const NEW: &str = "another horse, another battery";

/// That many mails have come to an address.
fn mails_to(person: &Person, email: &str, count: usize) {
    person.place.until("the mail", |place| Some(()).filter(|()| place.mails_to(email).len() >= count));
}

#[test]
fn a_forgotten_password_is_replaced_by_a_mailed_link_and_the_owner_is_told() {
    let (person, id, tokens) = Person::signed_in();

    let asked = person.place.post("/v1/password-resets", &json!({"email": person.email.to_lowercase()}));
    assert_eq!(asked.expect(202).body["status"], "reset_sent");
    let link = person.link_token(2);
    assert_eq!(person.verify(&link).expect(400).problem(), "link-invalid", "it serves nothing else");

    let reset = |password: &str| {
        let body = json!({"token": link, "new_password": password});
        person.place.post("/v1/password-resets/confirm", &body)
    };
    assert_eq!(reset("short").expect(422).body["errors"][0]["pointer"], "/new_password");
    reset(NEW).expect(204);

    assert_eq!(reset(NEW).expect(400).problem(), "link-invalid", "it is good once");
    assert_eq!(person.refresh(&tokens.refresh).expect(401).problem(), "invalid-token");
    assert_eq!(person.log_in().expect(401).problem(), "invalid-credentials");
    Person { password: NEW.to_owned(), ..person.again() }.log_in().expect(201);
    mails_to(&person, &person.email, 3);
    let events = person.place.until("the event", |place| {
        Some(place.events_of(&format!("user#{id}"))).filter(|events| events.len() >= 3)
    });
    assert_eq!(events[2]["type"], "user.password-reset");
}

#[test]
fn nobody_can_learn_by_a_reset_who_has_an_account() {
    let (known, _) = Person::registered();
    let ask = |person: &Person| person.place.post("/v1/password-resets", &json!({"email": person.email}));

    assert_eq!(ask(&known).expect(202).body, ask(&Person::new()).expect(202).body);
}

#[test]
fn of_resets_by_one_link_at_once_one_wins() {
    let (person, _) = Person::registered();
    let _taken = person.place.post("/v1/password-resets", &json!({"email": person.email})).expect(202);
    let link = person.link_token(2);
    let passwords: Vec<_> = (0..6).map(|number| format!("battery number {number} of them")).collect();

    let statuses: Vec<_> = thread::scope(|scope| {
        let reset = |password: &String| {
            let body = json!({"token": link, "new_password": password});
            person.place.post("/v1/password-resets/confirm", &body).status
        };
        let requests: Vec<_> =
            passwords.iter().map(|password| scope.spawn(move || reset(password))).collect();
        requests.into_iter().map(|request| request.join().expect("an answer")).collect()
    });

    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [204, 400].contains(status)), "{statuses:?}");
    let winner = statuses.iter().position(|status| *status == 204).expect("a winner");
    Person { password: passwords[winner].clone(), ..person.again() }.log_in().expect(201);
}

#[test]
fn a_password_is_changed_and_the_session_goes_on_alone() {
    let (person, _, this) = Person::signed_in();
    let other = Tokens::of(&person.log_in().expect(201).body);
    let change = |current: &str| {
        let body = json!({"current_password": current, "new_password": NEW});
        person.place.put("/v1/me/password", &this.access, &body)
    };

    assert_eq!(change("not the password at all").expect(403).problem(), "reauthentication-required");
    change(&person.password).expect(204);

    assert_eq!(person.refresh(&other.refresh).expect(401).problem(), "invalid-token");
    person.refresh(&this.refresh).expect(200);
    person.log_in().expect(401);
    Person { password: NEW.to_owned(), ..person.again() }.log_in().expect(201);
    mails_to(&person, &person.email, 2);
}

#[test]
fn an_address_is_changed_when_the_new_one_is_proven_and_the_old_one_is_told() {
    let (person, _, tokens) = Person::signed_in();
    let moved = Person { password: person.password.clone(), ..Person::new() };

    let body = json!({"new_email": moved.email, "password": person.password});
    let asked = person.place.post_as("/v1/me/email", &tokens.access, &body).expect(202);
    assert_eq!(asked.body["status"], "verification_sent");
    let link = moved.link_token(1);
    mails_to(&person, &person.email, 2);
    person.log_in().expect(201);
    moved.log_in().expect(401);

    let verify = || person.place.post_as("/v1/me/email/verify", &tokens.access, &json!({"token": link}));
    assert_eq!(verify().expect(200).body["email"], moved.email);

    assert_eq!(verify().expect(401).problem(), "invalid-token", "the change has ended every session");
    assert_eq!(person.refresh(&tokens.refresh).expect(401).problem(), "invalid-token");
    person.log_in().expect(401);
    moved.log_in().expect(201);
    mails_to(&person, &person.email, 3);
    person.register().expect(202);
    mails_to(&person, &person.email, 4);
}
