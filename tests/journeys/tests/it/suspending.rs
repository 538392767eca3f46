//! An administrator's day: somebody is given a role, suspended, let in again, signed out and deleted.

use journeys::{Answer, Person, Place, Tokens};
use serde_json::json;

/// An administrator, who states the same reason for everything.
struct Administrator {
    place: Place,
    access: String,
}

impl Administrator {
    fn does(&self, what: &str, user: &str) -> Answer {
        let why = json!({"reason": "ticket 4711"});
        self.place.post_as(&format!("/v1/users/{user}/{what}"), &self.access, &why)
    }
}

#[test]
fn somebody_is_given_a_role_suspended_let_in_again_signed_out_and_deleted() {
    let (bob, id, first) = Person::signed_in();
    let admin = Administrator { place: bob.place.clone(), access: bob.place.administrator() };
    let place = &admin.place;
    let why = json!({"reason": "ticket 4711"});

    let role = format!("helper-{}", &first.session_id[..8]);
    let permissions = json!({"permissions": ["users:read"]});
    place.put(&format!("/v1/roles/{role}"), &admin.access, &permissions).expect(200);
    place.put(&format!("/v1/users/{id}/roles/{role}"), &admin.access, &why).expect(204);
    place.get(&format!("/v1/users/{id}"), Some(&first.access)).expect(403);

    assert_eq!(admin.does("suspend", &id).expect(200).body["status"], "suspended");
    assert_eq!(bob.refresh(&first.refresh).expect(401).problem(), "invalid-token");
    assert_eq!(place.get("/v1/me", Some(&first.access)).expect(401).problem(), "invalid-token");
    assert_eq!(bob.log_in().expect(403).problem(), "account-suspended");
    let stranger = Person { password: "not the password at all".to_owned(), ..bob.again() };
    assert_eq!(stranger.log_in().expect(401).problem(), "invalid-credentials");

    assert_eq!(admin.does("reactivate", &id).expect(200).body["status"], "active");
    let second = Tokens::of(&bob.log_in().expect(201).body);
    place.get("/v1/me", Some(&second.access)).expect(200);

    admin.does("end-sessions", &id).expect(204);
    assert_eq!(bob.refresh(&second.refresh).expect(401).problem(), "invalid-token");
    bob.log_in().expect(201);

    place.delete_with(&format!("/v1/users/{id}"), Some(&admin.access), &why).expect(204);
    assert_eq!(bob.log_in().expect(401).problem(), "invalid-credentials");
    admin.does("suspend", &id).expect(404);
    let told = |word: &'static str| {
        place.until(word, |_| place.mails_to(&bob.email).into_iter().find(|mail| mail.contains(word)))
    };
    for word in ["suspended your account", "allowed you to", "deleted your account"] {
        told(word);
    }
    let kinds =
        ["user.registered", "session.started", "user.role-granted", "user.suspended", "user.reactivated"];
    let events = place.until("the last event", |_| {
        let events = place.events_of(&format!("user#{id}"));
        events.iter().any(|event| event["type"] == "user.deletion-requested").then_some(events)
    });
    let of: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap_or_default()).collect();
    assert_eq!(of[..5], kinds);
}
