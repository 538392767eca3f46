//! Attributes that only administrators may read.

use local::Request;
use serde_json::{Value, json};
use stage::{Stage, Tokens, id, upload::PNG};

const SCHEMA: &str = r#"{"plan": {"type": "string"}, "risk_level": {"type": "integer", "read": "admin"}}"#;
const HIDDEN: &str = "risk_level";

/// Creates a user with both attributes. Returns the user and the tokens of a session.
async fn rated(stage: &Stage) -> (Value, Tokens) {
    let admin = stage.administrator("root@example.net").await;
    let user = stage.registered("ada@example.com").await;
    let given = json!({"attributes": {"plan": "pro", HIDDEN: 7}, "reason": "chargebacks"});
    let request = Request::new("PATCH", &format!("/v1/users/{}", id(&user))).json(&given);
    let user = stage.send(request.bearer(&admin.access)).await.expect(200).body;
    assert_eq!(user["attributes"], given["attributes"]);
    (user, Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body))
}

#[tokio::test]
async fn no_own_route_shows_an_attribute_that_only_administrators_read() {
    let stage = Stage::with(|setup| setup.with_parameter("AttributesSchema", SCHEMA));
    let (_, tokens) = rated(&stage).await;
    let own = |method: &str, path: &str| Request::new(method, path).bearer(&tokens.access);
    stage.upload(&tokens.access, PNG).await;
    let link = stage.email_link(&tokens.access, "ada@example.org").await;

    for request in [
        own("GET", "/v1/me"),
        own("PATCH", "/v1/me").json(&json!({"first_name": "Ada"})),
        own("PATCH", "/v1/me").json(&json!({"first_name": "Ada"})),
        own("PUT", "/v1/me/picture"),
        own("GET", "/v1/me/events"),
        own("GET", "/v1/me/export"),
        own("POST", "/v1/me/email/verify").json(&json!({"token": link})),
    ] {
        let name = format!("{request:?}");
        let seen = stage.send(request).await.expect(200).body.to_string();
        assert!(seen.contains("pro") && !seen.contains(HIDDEN), "{name}: {seen}");
    }
}

#[tokio::test]
async fn services_and_administrators_see_every_attribute() {
    let stage = Stage::with(|setup| setup.with_parameter("AttributesSchema", SCHEMA));
    let (user, _) = rated(&stage).await;
    let admin = Tokens::of(&stage.log_in("root@example.net").await.expect(201).body);

    let history = stage.get(&format!("/v1/users/{}/events", id(&user)), &admin.access).await.expect(200).body;

    assert!(history.to_string().contains(HIDDEN), "{history}");
    stage.settle().await;
    let published = stage.stack.events();
    let update = published.iter().find(|event| event.detail_type == "user.updated").expect("an event");
    assert_eq!(update.detail["data"]["attributes"], user["attributes"]);
}
