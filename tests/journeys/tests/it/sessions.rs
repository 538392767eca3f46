//! Sessions: refreshed in parallel, retried, stolen.

use std::thread;

use journeys::{Person, Tokens};
use serde_json::json;

#[test]
fn refreshing_in_parallel_gives_everybody_the_same_successor() {
    let (person, _, first) = Person::signed_in();

    let successors: Vec<_> = thread::scope(|scope| {
        let refresh = || Tokens::of(&person.refresh(&first.refresh).expect(200).body).refresh;
        let requests: Vec<_> = (0..8).map(|_| scope.spawn(refresh)).collect();
        requests.into_iter().map(|request| request.join().expect("an answer")).collect()
    });

    assert!(successors.iter().all(|successor| *successor == successors[0]), "a session never forks");
    person.refresh(&successors[0]).expect(200);
}

#[test]
fn a_stolen_refresh_token_ends_the_session() {
    let (person, id, first) = Person::signed_in();
    let second = Tokens::of(&person.refresh(&first.refresh).expect(200).body);
    let third = Tokens::of(&person.refresh(&second.refresh).expect(200).body);

    assert_eq!(person.refresh(&first.refresh).expect(401).problem(), "token-reused");

    assert_eq!(
        person.refresh(&third.refresh).expect(401).problem(),
        "invalid-token",
        "for its rightful holder, too"
    );
    let events = person.place.until("the event", |place| {
        Some(place.events_of(&format!("user#{id}"))).filter(|events| events.len() == 3)
    });
    assert_eq!(
        (&events[2]["type"], &events[2]["data"]["reason"]),
        (&json!("session.ended"), &json!("token-reused"))
    );
    let told = |mail: &String| mail.contains("was used again");
    person.place.until("the mail", |place| place.mails_to(&person.email).into_iter().find(told));
    person.log_in().expect(201);
}

#[test]
fn a_forged_refresh_token_revokes_nothing() {
    let (person, _, tokens) = Person::signed_in();

    let mut forged: Vec<_> = tokens.refresh.bytes().collect();
    let last = forged.len() - 10;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).expect("ASCII");
    assert_eq!(person.refresh(&forged).expect(401).problem(), "invalid-token");
    for none in ["", "gpr_", tokens.access.as_str()] {
        assert_eq!(person.refresh(none).expect(401).problem(), "invalid-token");
    }

    person.refresh(&tokens.refresh).expect(200);
}

#[test]
fn a_user_has_any_number_of_sessions_and_each_ends_alone() {
    let (person, id, first) = Person::signed_in();
    let second = Tokens::of(&person.log_in().expect(201).body);
    assert_ne!(first.session_id, second.session_id);

    assert_eq!(person.place.delete("/v1/sessions/current", Some(&first.access)).status, 204);

    assert_eq!(person.refresh(&first.refresh).expect(401).problem(), "invalid-token");
    person.refresh(&second.refresh).expect(200);
    let events = person.place.until("the events", |place| {
        Some(place.events_of(&format!("user#{id}"))).filter(|events| events.len() == 4)
    });
    let numbers: Vec<_> =
        events.iter().map(|event| event["sequence"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(numbers, ["000000000001", "000000000002", "000000000003", "000000000004"]);
}

#[test]
fn log_ins_at_once_all_succeed_and_are_numbered_without_gaps() {
    let (person, id) = Person::registered();

    thread::scope(|scope| {
        let requests: Vec<_> = (0..6).map(|_| scope.spawn(|| person.log_in().status)).collect();
        for request in requests {
            assert_eq!(request.join().expect("an answer"), 201);
        }
    });

    let events = person.place.until("the events", |place| {
        Some(place.events_of(&format!("user#{id}"))).filter(|events| events.len() == 7)
    });
    for (event, number) in events.iter().zip(1..) {
        assert_eq!(event["sequence"], format!("{number:012}"), "in order");
    }
}

#[test]
fn guessing_is_slowed_down_before_the_hash() {
    let (person, _) = Person::registered();
    let guess = json!({"email": person.email, "password": "not the password at all"});

    // 10 attempts in five minutes; a window may end while we guess, so up to twice as many.
    let refused =
        (0..21).map(|_| person.place.post("/v1/sessions", &guess)).find(|answer| answer.status != 401);

    let refused = refused.expect("a refusal").expect(429);
    assert_eq!(refused.problem(), "rate-limited");
    let seconds: u32 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=300).contains(&seconds), "{seconds}");
}
