//! Concurrent verifications, and verifications during failures.

use futures_util::future::join_all;
use local::calls::Fate;
use serde_json::{Value, json};
use stage::{PASSWORD, Stage, faults::Outage};

use crate::{EMAIL, register, token, verify};

/// Fifty requests with the links of two registrations, both tokens or none, and passwords.
#[tokio::test]
async fn one_of_fifty_concurrent_requests_creates_the_user_and_its_password() {
    let stage = Stage::with(stage::slowly);
    let own = register(&stage, Some("chosen by the owner, first")).await;
    let first = stage.link(EMAIL).await;
    let foreign = register(&stage, Some("chosen by a stranger, later")).await;
    let second = stage.link(EMAIL).await;
    let entered = |number: usize| format!("entered by request number {number}");
    let bodies = (0..50).map(|number| match number % 5 {
        0 => json!({"token": first, "registration_token": token(&own)}),
        1 => json!({"token": second, "registration_token": token(&own)}),
        2 => json!({"token": first}),
        3 => json!({"token": second, "password": entered(number)}),
        _ => json!({"token": first, "registration_token": token(&foreign), "password": entered(number)}),
    });
    let bodies: Vec<_> = bodies.collect();

    let answers = join_all(bodies.iter().map(|body| verify(&stage, body.clone()))).await;

    let made: Vec<_> = (0..50).filter(|at| answers[*at].status == 201).collect();
    assert_eq!(made.len(), 1);
    for (at, answer) in answers.iter().enumerate() {
        let expected: &[u16] = if at % 5 == 2 { &[400, 422] } else { &[201, 400, 422, 429] };
        assert!(expected.contains(&answer.status), "{at}: {}", answer.body);
    }
    let password = match &bodies[made[0]]["password"] {
        Value::String(entered) => entered.clone(),
        _ => "chosen by the owner, first".to_owned(),
    };
    for other in ["chosen by the owner, first", "chosen by a stranger, later", "entered by request number 3"]
    {
        if other != password {
            stage.log_in_with(EMAIL, other).await.expect(401);
        }
    }
    stage.log_in_with(EMAIL, &password).await.expect(201);
}

/// Concurrent registrations, resends and verifications.
#[tokio::test]
async fn concurrent_registering_resending_and_verifying_creates_one_account() {
    let stage = Stage::with(|setup| stage::slowly(setup).with_parameter("MailRequestsPerAddress", "50"));
    let own = register(&stage, Some(PASSWORD)).await;
    let link = stage.link(EMAIL).await;
    let requests = (0..50).map(|number| {
        let (path, body) = match number % 3 {
            0 => ("/v1/registrations", json!({"email": EMAIL, "password": "chosen by a stranger, later"})),
            1 => ("/v1/registrations/resend", json!({"email": EMAIL})),
            _ => {
                let body = json!({"token": link, "registration_token": token(&own)});
                ("/v1/registrations/verify", body)
            }
        };
        stage.post(path, body)
    });

    let answers = join_all(requests).await;

    let mut made = answers.iter().filter(|answer| answer.status == 201).count();
    assert!(answers.iter().all(|answer| [201, 202, 400].contains(&answer.status)));
    if made == 0 {
        // A resend may have replaced the link.
        stage.verify(&stage.link(EMAIL).await).await.expect(201);
        made += 1;
    }
    assert_eq!(made, 1);
    stage.settle().await;
    stage.log_in_with(EMAIL, "chosen by a stranger, later").await.expect(401);
    stage.log_in(EMAIL).await.expect(201);
}

/// Loses the request or the response of each call in turn.
#[tokio::test]
async fn a_lost_call_creates_the_verified_user_at_most_once() {
    let fates: [fn() -> Fate; 2] = [|| Fate::RequestLost, || Fate::AnswerLost];
    for enters in [false, true] {
        let cases = fates.into_iter().flat_map(|fate| (0..8).map(move |lost| lose(lost, fate, enters)));
        let again = join_all(cases).await;
        assert!(again.contains(&400), "the user was created without a response: {again:?}");
        assert!(again.contains(&201), "the user was not created, and the link still works: {again:?}");
    }
}

/// Returns the status of a retry; 0 if the first request had a response.
async fn lose(lost: usize, fate: fn() -> Fate, enters: bool) -> u16 {
    let (outage, watcher) = Outage::after(lost, "verify-registration", fate);
    let stage = Stage::with(|setup| setup.watched_by(watcher));
    let registered = register(&stage, (!enters).then_some(PASSWORD)).await;
    let link = stage.link(EMAIL).await;
    let body = if enters {
        json!({"token": link, "password": PASSWORD})
    } else {
        json!({"token": link, "registration_token": token(&registered)})
    };

    outage.begin();
    let answer = verify(&stage, body.clone()).await;
    outage.end();

    assert!([201, 503].contains(&answer.status), "{lost}: {}", answer.body);
    let again = verify(&stage, body).await.status;
    assert!([201, 400].contains(&again), "{lost}");
    stage.log_in(EMAIL).await.expect(201);
    if answer.status == 201 { 0 } else { again }
}
