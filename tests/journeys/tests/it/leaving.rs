//! An account that is one's own: what it says, where it is used, and its end.

use journeys::{Person, Tokens};
use serde_json::json;

#[test]
fn a_person_changes_their_profile_sees_where_they_are_signed_in_and_takes_it_all_along() {
    let (person, _, here) = Person::signed_in();
    let there = Tokens::of(&person.log_in().expect(201).body);
    let (place, token) = (&person.place, Some(&*here.access));

    let before = place.get("/v1/me", token).expect(200);
    let patch = json!({"first_name": "Augusta", "last_name": null, "locale": "en-gb"});
    let after = place.patch("/v1/me", token, &patch).expect(200);
    assert_eq!((&after.body["first_name"], &after.body["last_name"]), (&json!("Augusta"), &json!(null)));
    assert_ne!(after.header("etag"), before.header("etag"));
    assert_eq!(place.get("/v1/me", token).expect(200).body, after.body);

    let sessions = place.get("/v1/me/sessions", token).expect(200).body;
    let seen: Vec<_> = sessions["items"]
        .as_array()
        .expect("sessions")
        .iter()
        .map(|session| (session["id"].as_str().expect("an id"), session["current"].as_bool()))
        .collect();
    assert_eq!(seen, [(&*there.session_id, Some(false)), (&*here.session_id, Some(true))]);
    assert_eq!(place.delete(&format!("/v1/me/sessions/{}", there.session_id), token).status, 204);
    person.refresh(&there.refresh).expect(401);

    let export = place.get("/v1/me/export", token).expect(200).body;
    let history = place.get("/v1/me/events", token).expect(200).body;
    assert_eq!((&export["profile"], &export["events"]), (&after.body, &history["items"]));
    let types: Vec<_> =
        history["items"].as_array().expect("events").iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types[..2], ["session.ended", "user.updated"]);
}

#[test]
fn who_deletes_their_account_is_signed_out_everywhere_and_may_come_back() {
    let (person, id, here) = Person::signed_in();
    let there = Tokens::of(&person.log_in().expect(201).body);
    let delete = |password: &str| {
        person.place.delete_with("/v1/me", Some(&here.access), &json!({"password": password}))
    };

    assert_eq!(delete("not the password").expect(403).problem(), "reauthentication-required");
    assert_eq!(delete(&person.password).status, 204);

    for ended in [&here, &there] {
        assert_eq!(person.refresh(&ended.refresh).expect(401).problem(), "invalid-token");
    }
    assert_eq!(person.place.get("/v1/me", Some(&here.access)).expect(401).problem(), "invalid-token");
    let back = Tokens::of(&person.log_in().expect(201).body);
    assert_eq!(person.place.get("/v1/me", Some(&back.access)).expect(200).body["id"], *id);
}
