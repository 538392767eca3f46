//! Custom claims in access tokens.

use local::Request;
use serde_json::{Value, json};
use stage::{Stage, Tokens, id};

const SCHEMA: &str = r#"{"plan": {"type": "string", "maxLength": 9, "claim": true},
    "seats": {"type": "integer", "claim": true}, "motto": {"type": "string", "write": "user"}}"#;

#[tokio::test]
async fn an_access_token_carries_the_declared_claims_as_of_its_log_in_or_refresh() {
    let stage = Stage::with(|setup| setup.with_parameter("AttributesSchema", SCHEMA));
    let admin = stage.administrator("root@example.net").await;
    let user = stage.registered("ada@example.com").await;
    let give = async |attributes: Value| {
        let path = format!("/v1/users/{}", id(&user));
        let request = Request::new("PATCH", &path).json(&json!({"attributes": attributes, "reason": "paid"}));
        stage.send(request.bearer(&admin.access)).await.expect(200);
    };
    give(json!({"plan": "pro", "motto": "onward"})).await;

    let first = Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body);
    give(json!({"plan": null, "seats": 7})).await;
    let second = Tokens::of(&stage.refresh(&first.refresh).await.expect(200).body);

    let claims = |tokens: &Tokens| ["plan", "seats", "motto"].map(|name| tokens.claims()[name].clone());
    assert_eq!(claims(&first), [json!("pro"), Value::Null, Value::Null]);
    assert_eq!(claims(&second), [Value::Null, json!(7), Value::Null]);
    assert!(!second.claims().as_object().expect("claims").contains_key("plan"), "left out instead of null");
    stage.get("/v1/me", &second.access).await.expect(200);
}

#[tokio::test]
async fn a_schema_whose_claim_has_a_reserved_name_is_refused_at_the_start() {
    for name in ["sub", "scope", "email_verified"] {
        let schema = json!({name: {"type": "boolean", "claim": true}}).to_string();
        let stage = Stage::with(|setup| setup.with_parameter("AttributesSchema", &schema));

        let failed = stage.stack.call("log-in", json!({})).await.expect_err("no start").to_string();

        assert!(failed.contains("ATTRIBUTES_SCHEMA declares a claim with a reserved name"), "{failed}");
    }
}
