//! What administrators do for people, and what these see of it.

use journeys::{Person, Tokens};
use serde_json::json;

const NEW: &str = "another horse, another battery";

#[test]
fn somebody_is_invited_accepts_is_updated_and_gets_a_new_password() {
    let person = Person::new();
    let (place, admin) = (&person.place, person.place.administrator());
    let wanted = json!({"email": person.email, "first_name": "Ada", "reason": "new in the team"});

    let made = place.post_as("/v1/users", &admin, &wanted).expect(201);
    let path = made.header("location").to_owned();
    assert_eq!(place.post_as("/v1/users", &admin, &wanted).expect(409).problem(), "email-taken");
    assert_eq!(person.log_in().expect(401).problem(), "invalid-credentials");

    let choose = |token: &str, password: &str| {
        place.post("/v1/password-resets/confirm", &json!({"token": token, "new_password": password}))
    };
    let invitation = person.link_token(1);
    choose(&invitation, &person.password).expect(204);
    assert_eq!(choose(&invitation, NEW).expect(400).problem(), "link-invalid", "it is good once");
    let tokens = Tokens::of(&person.log_in().expect(201).body);

    let change = json!({"last_name": "Lovelace", "reason": "she asked"});
    place.patch(&path, Some(&admin), &change).expect(200);
    let me = place.get("/v1/me", Some(&tokens.access)).expect(200).body;
    assert_eq!((&me["first_name"], &me["last_name"]), (&json!("Ada"), &json!("Lovelace")));

    place.post_as(&format!("{path}/password-reset"), &admin, &json!({"reason": "cannot get in"})).expect(202);
    choose(&person.link_token(2), NEW).expect(204);
    assert_eq!(person.refresh(&tokens.refresh).expect(401).problem(), "invalid-token");
    person.log_in().expect(401);

    let history = place.get(&format!("{path}/events"), Some(&admin)).expect(200).body;
    let kinds: Vec<_> =
        history["items"].as_array().expect("events").iter().map(|event| event["type"].clone()).collect();
    let expected = [
        "user.password-reset",
        "user.password-reset-requested",
        "user.updated",
        "session.started",
        "user.invitation-accepted",
        "user.created",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(history["items"][5]["data"]["stated_reason"], "new in the team");
}
