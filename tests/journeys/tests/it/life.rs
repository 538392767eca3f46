//! From registering to logging out.

use journeys::{Person, Place, Tokens};

#[test]
fn a_person_signs_up_proves_the_address_signs_in_stays_signed_in_and_signs_out() {
    let person = Person::new();

    let taken = person.register().expect(202);
    assert_eq!(taken.body["status"], "verification_sent");
    assert_eq!(
        person.log_in().expect(401).problem(),
        "invalid-credentials",
        "nobody is a user before the proof"
    );

    let user = person.verify(&person.link_token(1)).expect(201).body;
    assert_eq!(user["email"], person.email, "the address as it was written");
    assert_eq!((user["first_name"].as_str(), user["status"].as_str()), (Some("Ada"), Some("active")));

    let granted = person.log_in().expect(201);
    assert_eq!(granted.header("cache-control"), "no-store");
    assert_eq!((&granted.body["token_type"], &granted.body["expires_in"]), (&"Bearer".into(), &600.into()));
    let first = Tokens::of(&granted.body);

    let second = Tokens::of(&person.refresh(&first.refresh).expect(200).body);
    assert_eq!(second.session_id, first.session_id);
    assert_ne!(second.refresh, first.refresh);

    let me = person.place.get("/v1/me", Some(&second.access)).expect(200).body;
    assert_eq!(me, user, "the profile is the user as it was verified");

    assert_eq!(person.place.delete("/v1/sessions/current", Some(&second.access)).status, 204);
    assert_eq!(person.refresh(&second.refresh).expect(401).problem(), "invalid-token");
    let again = person.place.delete("/v1/sessions/current", Some(&second.access)).expect(401);
    assert_eq!(again.problem(), "invalid-token");
    assert_eq!(person.place.get("/v1/me", Some(&second.access)).expect(401).problem(), "invalid-token");

    let subject = format!("user#{}", user["id"].as_str().expect("an id"));
    let events = person
        .place
        .until("the last event", |place| Some(place.events_of(&subject)).filter(|events| events.len() >= 3));
    let seen: Vec<_> =
        events.iter().map(|event| (event["type"].as_str(), event["sequence"].as_str())).collect();
    let expected = [
        (Some("user.registered"), Some("000000000001")),
        (Some("session.started"), Some("000000000002")),
        (Some("session.ended"), Some("000000000003")),
    ];
    assert_eq!(seen, expected);
    assert_eq!(events[0]["data"]["email"], person.email);
    assert_eq!(events[2]["data"]["session_id"], first.session_id);
    assert_eq!(events[2]["data"]["reason"], "logged-out");
}

#[test]
fn what_is_secret_is_in_no_event_and_no_mail_but_the_link_in_its_mail() {
    let (person, id, tokens) = Person::signed_in();
    let link = person.link_token(1);
    person.place.until("the event", |place| place.events_of(&format!("user#{id}")).into_iter().nth(1));

    let events = person.place.events().into_iter().map(|event| event.to_string()).collect::<String>();
    for secret in [&person.password, &link, &tokens.access, &tokens.refresh] {
        assert!(!events.contains(secret.as_str()));
    }
    let mails = person.place.mails_to(&person.email).concat();
    for secret in [&person.password, &tokens.access, &tokens.refresh] {
        assert!(!mails.contains(secret.as_str()));
    }
}

#[test]
fn the_request_is_found_again_in_its_event() {
    let person = Person::new();
    let taken = person.register().expect(202);
    let correlation_id = taken.header("x-correlation-id").to_owned();

    let event = person.place.until("the event", |place| {
        place.events().into_iter().find(|event| event["correlationid"] == correlation_id.as_str())
    });

    assert_eq!(event["type"], "registration.requested");
    assert_eq!(event["actor"], "anonymous");
    assert_eq!(
        event["data"].as_object().map(|data| data.keys().cloned().collect()),
        Some(vec!["registration_id".to_owned()])
    );
}

#[test]
fn discovery_leads_to_the_keys_that_tokens_name() {
    let (person, _, tokens) = Person::signed_in();

    let discovery = person.place.get("/.well-known/openid-configuration", None).expect(200);
    let keys = person.place.get("/.well-known/jwks.json", None).expect(200);

    assert!(discovery.body["jwks_uri"].as_str().is_some_and(|uri| uri.ends_with("/.well-known/jwks.json")));
    assert!(keys.header("cache-control").starts_with("public, max-age="));
    let listed = keys.body["keys"].as_array().expect("keys");
    assert!(!listed.is_empty());
    for key in listed {
        assert_eq!((key["alg"].as_str(), key["use"].as_str()), (Some("ES256"), Some("sig")));
        assert!(key.get("d").is_none(), "public halves only");
    }
    assert_eq!(tokens.access.split('.').count(), 3);
}

#[test]
fn health_needs_nobody_and_says_nothing() {
    let health = Place::here().get("/v1/health", None).expect(200);
    assert_eq!(health.body, serde_json::json!({"status": "ok"}));
}
