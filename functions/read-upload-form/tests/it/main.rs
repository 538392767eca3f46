//! Upload forms, tested through the API and the bucket.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use local::calls::round_trips;
use serde_json::{Value, json};
use stage::{Answer, Stage, upload::Form};

const EMAIL: &str = "ada@example.com";

async fn form(stage: &Stage) -> Form {
    let tokens = stage.signed_in(EMAIL).await;
    stage.upload_form(&tokens.access, "image/png").await
}

/// Returns the error code of S3.
fn code(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(answer.octets());
    text.split(['<', '>']).skip_while(|part| *part != "Code").nth(1).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_posted_file_waits_for_its_user() {
    let stage = Stage::new();
    let form = form(&stage).await;

    stage.send(form.with_file(b"a picture")).await.expect(204);

    assert_eq!(stage.stack.uploads(), [form.fields["key"].as_str()]);
}

#[tokio::test]
async fn the_form_has_its_conditions_and_expiry() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;

    let answer =
        stage.get("/v1/me/picture/upload-form?content_type=image/webp", &tokens.access).await.expect(200);

    assert_eq!(answer.body["max_octets"], 5 * 1024 * 1024);
    assert_eq!(answer.body["expires_at"], "2026-11-21T03:10:00Z");
    assert_eq!(answer.header("cache-control"), "no-store");
    let policy =
        STANDARD.decode(answer.body["fields"]["policy"].as_str().expect("a policy")).expect("Base64");
    let policy: Value = serde_json::from_slice(&policy).expect("JSON");
    assert_eq!(policy["expiration"], "2026-11-21T03:10:00Z");
    let conditions = policy["conditions"].as_array().expect("conditions");
    let user = stage.get("/v1/me", &tokens.access).await.expect(200).body["id"].clone();
    for condition in [
        json!({"key": user}),
        json!({"content-type": "image/webp"}),
        json!(["content-length-range", 1, 5 * 1024 * 1024]),
    ] {
        assert!(conditions.contains(&condition), "{condition} in {policy}");
    }
}

#[tokio::test]
async fn a_changed_form_is_refused() {
    let stage = Stage::new();
    let form = form(&stage).await;
    let other = "01a1fc0b-e380-7334-a113-995cf691811f";
    let generous =
        STANDARD.encode(json!({"expiration": "2099-01-01T00:00:00Z", "conditions": []}).to_string());
    let file = b"a picture".as_slice();
    let large = vec![0; 5 * 1024 * 1024 + 1];

    for (form, file, refused) in [
        (form.clone().with("key", other), file, "AccessDenied"),
        (form.clone().with("content-type", "text/html"), file, "AccessDenied"),
        (form.clone().with("acl", "public-read"), file, "AccessDenied"),
        (form.clone().with("policy", &generous), file, "SignatureDoesNotMatch"),
        (form.clone(), b"".as_slice(), "EntityTooSmall"),
        (form.clone(), large.as_slice(), "EntityTooLarge"),
    ] {
        assert_eq!(code(&stage.send(form.with_file(file)).await), refused);
    }
    stage.pass(Duration::from_mins(10));
    assert_eq!(code(&stage.send(form.with_file(file)).await), "AccessDenied", "too late");
    assert_eq!(stage.stack.uploads(), Vec::<String>::new());
}

#[tokio::test]
async fn only_pictures_and_only_authenticated_users_are_accepted() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    for query in ["", "?content_type=image/svg%2Bxml", "?content_type=image/png&key=other"] {
        let path = format!("/v1/me/picture/upload-form{query}");
        stage.get(&path, &tokens.access).await.expect(422);
    }

    stage.get("/v1/me/picture/upload-form?content_type=image/png", "forged").await.expect(401);
}

#[tokio::test]
async fn signing_only_reads_the_caller() {
    let stage = Stage::with(local::Setup::recording);
    let tokens = stage.signed_in(EMAIL).await;
    stage.upload_form(&tokens.access, "image/png").await;
    stage.forget_calls();

    stage.upload_form(&tokens.access, "image/png").await;

    let calls = stage.stack.calls();
    let operations: Vec<_> = calls.iter().map(|made| &*made.call.operation).collect();
    assert_eq!((operations, round_trips(&calls)), (vec!["GetItem", "GetItem"], 1));
}
