//! Setting a picture, tested from the upload form to the public picture.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod files;
mod hostile;
mod pixels;

use std::time::Duration;

use image::{GenericImageView, Rgb};
use local::{
    Request,
    calls::{Call, Fate, Refusal, round_trips},
};
use serde_json::{Value, json};
use stage::{Answer, Stage, Tokens, faults::Late, upload::PNG};

const EMAIL: &str = "ada@example.com";

async fn uploaded(stage: &Stage, octets: &[u8]) -> Tokens {
    let tokens = stage.signed_in(EMAIL).await;
    stage.upload(&tokens.access, octets).await;
    tokens
}

/// Returns the public picture at the path in a profile.
async fn shown(stage: &Stage, profile: &Value) -> Answer {
    stage.send(Request::get(profile["picture"].as_str().expect("a path"))).await
}

/// Returns the colours in the corners and the middle, roughly.
fn colours(octets: &[u8]) -> [[u8; 3]; 5] {
    let picture = image::load_from_memory(octets).expect("a picture");
    assert_eq!(picture.dimensions(), (256, 256));
    let picture = picture.to_rgb8();
    let places = [(20, 20), (235, 20), (20, 235), (235, 235), (128, 128)];
    places.map(|(x, y)| {
        let Rgb(colour) = *picture.get_pixel(x, y);
        colour.map(|light| if light > 127 { 255 } else { 0 })
    })
}

#[tokio::test]
async fn every_upload_becomes_a_small_square_without_metadata() {
    let [red, green, blue, white, black]: [[u8; 3]; 5] =
        [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255; 3], [0; 3]];
    let upright = [red, green, blue, black];
    for (file, seen) in [
        (files::quarters("webp"), upright),
        (files::quarters("png"), upright),
        (files::quarters("jpg"), upright),
        // The left side becomes the top.
        (files::turned_and_placed(), [blue, red, black, green]),
        (files::transparent(), [white; 4]),
    ] {
        let stage = Stage::new();
        let tokens = uploaded(&stage, &file).await;

        let profile = stage.set_picture(&tokens.access).await.expect(200);

        let picture = shown(&stage, &profile.body).await.expect(200);
        assert_eq!(colours(picture.octets())[..4], seen);
        assert_eq!(picture.header("content-type"), "image/jpeg");
        assert_eq!(picture.header("cache-control"), "public, max-age=86400");
        let holds = |text: &str| picture.octets().windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!holds("Exif") && !holds("51.5072 N"), "no location, no camera");
        assert_eq!(stage.stack.uploads(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn it_is_a_change_of_the_profile() {
    let stage = Stage::new();
    let tokens = uploaded(&stage, PNG).await;

    let set = stage.set_picture(&tokens.access).await.expect(200);

    let me = stage.get("/v1/me", &tokens.access).await.expect(200);
    assert_eq!((&me.body, me.header("etag")), (&set.body, set.header("etag")));
    stage.settle().await;
    let event = stage.stack.events().pop().expect("an event");
    assert_eq!(event.detail_type, "user.updated");
    let said = json!({"changed": ["picture"], "email": EMAIL, "picture": me.body["picture"]});
    assert_eq!(event.detail["data"], said);
}

#[tokio::test]
async fn another_picture_replaces_the_previous_one() {
    let stage = Stage::new();
    let tokens = uploaded(&stage, PNG).await;
    let first = stage.set_picture(&tokens.access).await.expect(200).body;
    stage.upload(&tokens.access, &files::quarters("png")).await;

    let second = stage.set_picture(&tokens.access).await.expect(200).body;

    shown(&stage, &first).await.expect(404);
    shown(&stage, &second).await.expect(200);
}

#[tokio::test]
async fn a_user_can_remove_the_picture() {
    let stage = Stage::new();
    let tokens = uploaded(&stage, PNG).await;
    let profile = stage.set_picture(&tokens.access).await.expect(200).body;
    let patch = |body: Value| Request::new("PATCH", "/v1/me").json(&body).bearer(&tokens.access);
    stage.send(patch(json!({"picture": "/v1/pictures/mine"}))).await.expect(422);

    let removed = stage.send(patch(json!({"picture": null}))).await.expect(200);

    assert_eq!(removed.body["picture"], Value::Null);
    shown(&stage, &profile).await.expect(404);
    let export = stage.get("/v1/me/export", &tokens.access).await.expect(200).body;
    assert!(!export["records"].to_string().contains("octets"), "{export}");
}

#[tokio::test]
async fn an_administrator_can_remove_the_picture() {
    let stage = Stage::new();
    let tokens = uploaded(&stage, PNG).await;
    let profile = stage.set_picture(&tokens.access).await.expect(200).body;
    let admin = stage.administrator("root@example.com").await;
    let path = format!("/v1/users/{}", profile["id"].as_str().expect("an id"));
    let removal = json!({"picture": null, "reason": "ticket 4711"});

    stage.send(Request::new("PATCH", &path).json(&removal).bearer(&admin.access)).await.expect(200);

    shown(&stage, &profile).await.expect(404);
}

#[tokio::test]
async fn the_picture_is_shown_while_the_user_is_active() {
    let stage = Stage::new();
    let tokens = uploaded(&stage, PNG).await;
    let profile = stage.set_picture(&tokens.access).await.expect(200).body;
    let admin = stage.administrator("root@example.com").await;

    stage.suspend(&admin.access, &profile).await.expect(200);
    shown(&stage, &profile).await.expect(404);

    stage.reactivate(&admin.access, &profile).await.expect(200);
    shown(&stage, &profile).await.expect(200);
}

#[tokio::test]
async fn the_picture_is_part_of_the_export() {
    let stage = Stage::new();
    let tokens = uploaded(&stage, PNG).await;
    stage.set_picture(&tokens.access).await.expect(200);

    let export = stage.get("/v1/me/export", &tokens.access).await.expect(200).body;

    let records = export["records"].as_array().expect("records");
    let picture = records.iter().find(|record| record["kind"] == "picture").expect("a picture");
    assert!(picture["octets"].as_str().expect("Base64").starts_with("/9j/"), "a JPEG: {picture}");
}

#[tokio::test]
async fn an_unacceptable_upload_is_refused_and_deleted() {
    for file in [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(),
        b"GIF89a\x01\x00\x01\x00\x00\x00\x00;".to_vec(),
        PNG[..PNG.len() / 2].to_vec(),
        files::quarters("jpg")[..200].to_vec(),
        files::of_a_billion_pixels(),
    ] {
        let stage = Stage::new();
        let tokens = uploaded(&stage, &file).await;

        let refused = stage.set_picture(&tokens.access).await.expect(422);

        assert_eq!(refused.problem(), "picture-unacceptable");
        assert_eq!(stage.set_picture(&tokens.access).await.expect(409).problem(), "upload-missing");
        assert_eq!(stage.get("/v1/me", &tokens.access).await.expect(200).body["picture"], Value::Null);
    }
}

#[tokio::test]
async fn an_upload_can_be_used_once_and_by_its_user_only() {
    let stage = Stage::new();
    let tokens = uploaded(&stage, PNG).await;
    let other = stage.signed_in("bob@example.com").await;

    stage.set_picture(&other.access).await.expect(409);
    stage.set_picture(&tokens.access).await.expect(200);

    assert_eq!(stage.set_picture(&tokens.access).await.expect(409).problem(), "upload-missing");
}

#[tokio::test]
async fn a_picture_requires_the_version_that_was_read() {
    let stage = Stage::new();
    let tokens = uploaded(&stage, PNG).await;
    let set = || Request::new("PUT", "/v1/me/picture").bearer(&tokens.access);
    let etag = stage.get("/v1/me", &tokens.access).await.expect(200).header("etag").to_owned();

    let refused = stage.send(set().header("if-match", "\"1\"")).await.expect(412);

    assert_eq!(refused.problem(), "version-conflict");
    stage.send(set().header("if-match", &etag)).await.expect(200);
}

#[tokio::test]
async fn refused_pictures_count_as_attempts() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    for _ in 0..20 {
        stage.upload(&tokens.access, b"not a picture").await;
        stage.set_picture(&tokens.access).await.expect(422);
    }
    stage.upload(&tokens.access, PNG).await;

    stage.set_picture(&tokens.access).await.expect(429);

    stage.pass(Duration::from_mins(1));
    stage.set_picture(&tokens.access).await.expect(200);
}

#[tokio::test]
async fn after_twenty_pictures_a_day_the_next_ones_wait() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    for _ in 0..20 {
        stage.set_picture(&tokens.access).await.expect(409);
    }

    let refused = stage.set_picture(&tokens.access).await.expect(429);

    assert_eq!(refused.header("retry-after"), "60");
    stage.pass(Duration::from_mins(1));
    stage.set_picture(&tokens.access).await.expect(409);
}

#[tokio::test]
async fn it_takes_five_round_trips() {
    let stage = Stage::with(local::Setup::recording);
    let tokens = uploaded(&stage, PNG).await;
    stage.get("/v1/me", &tokens.access).await.expect(200);
    stage.forget_calls();

    stage.set_picture(&tokens.access).await.expect(200);

    let calls = stage.stack.calls();
    let own = calls.iter().filter(|made| made.call.function == "set-picture");
    let own: Vec<_> = own.filter(|made| made.call.operation != "Query").collect();
    assert_eq!(round_trips(own), 5);
}

#[tokio::test]
async fn concurrent_changes_are_kept() {
    let late = Late::default();
    let commits = |call: &Call| call.function == "set-picture" && call.operation == "TransactWriteItems";
    let stage = Stage::with(|setup| setup.watched_by(late.holding(commits)));
    let tokens = uploaded(&stage, PNG).await;
    late.expect();
    let rename = async {
        late.has_come().await;
        let patch = Request::new("PATCH", "/v1/me").json(&json!({"first_name": "Ada"}));
        stage.send(patch.bearer(&tokens.access)).await.expect(200);
        late.go_on();
    };

    let (set, ()) = tokio::join!(stage.set_picture(&tokens.access), rename);

    let profile = set.expect(200).body;
    assert_eq!(profile["first_name"], "Ada");
    shown(&stage, &profile).await.expect(200);
}

/// Lets the first call of an operation meet `fate`. Returns the response of a second request.
async fn met(operation: &'static str, fate: fn() -> Fate) -> (Stage, Tokens, Answer) {
    let is_first = std::sync::atomic::AtomicBool::new(true);
    let stage = Stage::with(|setup| {
        setup.watched_by(move |call: &Call| {
            let is_it = call.function == "set-picture" && call.operation == operation;
            let meets = is_it && is_first.swap(false, std::sync::atomic::Ordering::SeqCst);
            if meets { fate() } else { Fate::Proceed }
        })
    });
    let tokens = uploaded(&stage, PNG).await;
    let answer = stage.set_picture(&tokens.access).await;
    (stage, tokens, answer)
}

#[tokio::test]
async fn a_failed_call_is_retried() {
    const SLOW_DOWN: Refusal = Refusal { status: 503, code: "SlowDown" };
    for operation in ["GetObject", "DeleteObject", "TransactWriteItems"] {
        for fate in [|| Fate::RequestLost, || Fate::AnswerLost, || Fate::Refused(SLOW_DOWN)] {
            let (stage, tokens, answer) = met(operation, fate).await;

            let profile = answer.expect(200).body;

            shown(&stage, &profile).await.expect(200);
            assert_eq!(stage.stack.uploads(), Vec::<String>::new(), "{operation}");
            let updates = stage.events_of(&format!("user#{}", profile["id"].as_str().expect("an id"))).await;
            assert_eq!(updates, ["user.registered", "session.started", "user.updated"], "{operation}");
            drop(tokens);
        }
    }
}

const DENIED: Refusal = Refusal { status: 403, code: "AccessDenied" };

#[tokio::test]
async fn an_upload_that_cannot_be_read_stays() {
    let (stage, tokens, answer) = met("GetObject", || Fate::Refused(DENIED)).await;

    answer.expect(500);

    stage.set_picture(&tokens.access).await.expect(200);
}

#[tokio::test]
async fn an_upload_that_cannot_be_deleted_expires() {
    let (stage, _, answer) = met("DeleteObject", || Fate::Refused(DENIED)).await;

    shown(&stage, &answer.expect(200).body).await.expect(200);
}

#[tokio::test]
async fn a_picture_that_cannot_be_stored_has_used_up_the_upload() {
    let (stage, tokens, answer) = met("TransactWriteItems", || Fate::Refused(Refusal::ACCESS_DENIED)).await;

    answer.expect(500);

    assert_eq!(stage.stack.uploads(), Vec::<String>::new());
    stage.set_picture(&tokens.access).await.expect(409);
}
