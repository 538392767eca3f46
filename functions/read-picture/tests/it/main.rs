//! Reading pictures, tested through the API.

use local::{Request, calls::round_trips};
use serde_json::Value;
use stage::{Answer, Stage, upload::PNG};

async fn pictured(stage: &Stage, email: &str) -> Value {
    let tokens = stage.signed_in(email).await;
    stage.upload(&tokens.access, PNG).await;
    stage.set_picture(&tokens.access).await.expect(200).body
}

async fn get(stage: &Stage, path: &str) -> Answer {
    stage.send(Request::get(path)).await
}

#[tokio::test]
async fn removed_and_unknown_pictures_get_the_same_response() {
    let stage = Stage::new();
    let ada = pictured(&stage, "ada@example.com").await;
    let bob = pictured(&stage, "bob@example.com").await;
    let (ada_picture, bob_id) =
        (ada["picture"].as_str().expect("a path"), bob["id"].as_str().expect("an id"));
    let others = ada_picture.replace(ada["id"].as_str().expect("an id"), bob_id);

    for path in [&*others, "/v1/pictures/x/y", &format!("/v1/pictures/{bob_id}/{bob_id}")] {
        let refused = get(&stage, path).await.expect(404);
        assert_eq!((refused.problem(), refused.header("cache-control")), ("not-found", "no-store"), "{path}");
    }
    get(&stage, ada_picture).await.expect(200);
}

#[tokio::test]
async fn it_takes_one_round_trip() {
    let stage = Stage::with(local::Setup::recording);
    let ada = pictured(&stage, "ada@example.com").await;
    stage.forget_calls();

    get(&stage, ada["picture"].as_str().expect("a path")).await.expect(200);

    assert_eq!(round_trips(&stage.stack.calls()), 1);
}
