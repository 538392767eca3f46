//! Three rotations under load, each to another algorithm.

use std::{collections::BTreeSet, time::Duration};

use domain::{PublicKey, SigningAlgorithm, Timestamp};
use futures_util::future::join_all;
use local::Request;
use stage::{Stage, Tokens};
use tokens::Verifier;

use crate::{EMAIL, header_of, keyring, refresh};

const PEOPLE: usize = 4;
/// The algorithms in order, after ES256.
const ALGORITHMS: [SigningAlgorithm; 3] =
    [SigningAlgorithm::EdDsa, SigningAlgorithm::Rs256, SigningAlgorithm::Es384];
/// The minute at which each rotation begins: by then the previous key signs. An RSA key does so after three
/// hours.
const ROTATIONS: [u32; 3] = [0, 65, 250];
const MINUTE: Duration = Duration::from_mins(1);

/// Another API, which caches the published keys for as long as it may.
struct Elsewhere {
    verifier: Verifier,
    read_at: Timestamp,
    max_age: Duration,
}

impl Elsewhere {
    async fn open(stage: &Stage, now: Timestamp) -> Self {
        let jwks = stage.send(Request::get("/.well-known/jwks.json")).await.expect(200);
        let max_age = jwks.header("cache-control").split_once("max-age=").expect("a time").1;
        let keys: Vec<_> = jwks.body["keys"].as_array().expect("keys").iter().map(public_key).collect();
        let verifier = Verifier::new("http://127.0.0.1:9000".to_owned(), "gatepost".to_owned(), &keys);
        Self { verifier, read_at: now, max_age: Duration::from_secs(max_age.parse().expect("seconds")) }
    }

    fn is_outdated(&self, now: Timestamp) -> bool {
        now.since(self.read_at) >= self.max_age
    }
}

fn public_key(jwk: &serde_json::Value) -> PublicKey {
    PublicKey {
        kid: jwk["kid"].as_str().expect("a kid").to_owned(),
        jwk: jwk.to_string(),
        algorithm: jwk["alg"].as_str().expect("an algorithm").to_owned(),
        not_before: Timestamp::from_millis(0),
        retire_at: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_rotations_under_load_fail_no_request() {
    let stage = Stage::new();
    let now = || stage.stack.clock().now();
    let asleep = stage.signed_in(EMAIL).await;
    let mut people =
        join_all((0..PEOPLE).map(|_| async { Tokens::of(&stage.log_in(EMAIL).await.expect(201).body) }))
            .await;
    let mut elsewhere = Elsewhere::open(&stage, now()).await;
    let (mut keys, mut alive, mut verified) = (BTreeSet::new(), Vec::new(), 0);

    for minute in 0..320 {
        // Rotates while requests are served.
        let rotating = async {
            if let Some(number) = ROTATIONS.iter().position(|begins| *begins == minute) {
                keyring(&stage).signing_by(ALGORITHMS[number]).rotate().await.expect("a rotation");
            }
        };
        let coming_and_going = join_all(people.iter().map(|tokens| async {
            stage.get("/v1/me", &tokens.access).await.expect(200);
            Tokens::of(&refresh(&stage, tokens).await.expect(200).body)
        }));
        ((), people) = tokio::join!(rotating, coming_and_going);

        let begun = now();
        alive.retain(|(made, _): &(Timestamp, String)| begun.since(*made) < 10 * MINUTE);
        alive.extend(people.iter().map(|tokens| (begun, tokens.access.clone())));
        keys.extend(people.iter().map(|tokens| header_of(&tokens.access).to_string()));
        if elsewhere.is_outdated(begun) {
            elsewhere = Elsewhere::open(&stage, begun).await;
        }
        for (_, token) in &alive {
            let judged = elsewhere.verifier.verify(token, begun);
            assert!(judged.is_ok(), "minute {minute}: {judged:?}");
            verified += 1;
        }
        stage.pass(MINUTE);
    }

    assert_eq!(keys.len(), 4, "three rotations");
    for algorithm in ALGORITHMS {
        let its_name = format!(r#""alg":"{}""#, algorithm.name());
        assert!(keys.iter().any(|key| key.contains(&its_name)), "{its_name} is none of {keys:?}");
    }
    assert!(verified > 5000, "{verified}");
    refresh(&stage, &asleep).await.expect(200);
}
