//! From a file to what everybody sees.

use journeys::Person;
use serde_json::{Value, json};
use stage::upload::{Form, PNG};

#[test]
fn somebody_shows_their_face_and_takes_it_away() {
    let (person, id, tokens) = Person::signed_in();
    let place = &person.place;
    let token = Some(&*tokens.access);
    let form = place.get("/v1/me/picture/upload-form?content_type=image/png", token).expect(200);
    let form = Form::of(&form.body);

    place.upload(&form.clone().with("content-type", "text/html"), PNG).expect(403);
    place.upload(&form, PNG).expect(204);
    let user = place.put("/v1/me/picture", &tokens.access, &json!({})).expect(200).body;
    let path = user["picture"].as_str().expect("a path");
    let picture = place.get(path, None).expect(200);
    assert_eq!(picture.header("content-type"), "image/jpeg");
    assert_eq!(picture.header("cache-control"), "public, max-age=86400");
    let missing = place.put("/v1/me/picture", &tokens.access, &json!({})).expect(409);
    assert_eq!(missing.problem(), "upload-missing");

    place.patch("/v1/me", token, &json!({"picture": null})).expect(200);
    assert_eq!(place.get(path, None).expect(404).problem(), "not-found");

    let told = |event: &Value| event["data"]["changed"].clone();
    let changes = place.until("both events", |place| {
        let events = place.events_of(&format!("user#{id}"));
        let changes: Vec<_> =
            events.iter().filter(|event| event["type"] == "user.updated").map(told).collect();
        (changes.len() == 2).then_some(changes)
    });
    assert_eq!(changes, [json!(["picture"]), json!(["picture"])]);
}
