//! Passwords as the functions hash and verify them.
#![allow(clippy::expect_used, reason = "tests may panic: that is how they fail")]

mod foreign;

use domain::{Password, PasswordHash, PepperSeeds, Secret};
use hashing::{HashError, Hasher, InvalidParameters, Parameters, Verdict};

const CURRENT: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NEXT: &str = "ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba9876543210";
const SALT: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

fn seeds(current: &str, previous: &[&str]) -> PepperSeeds {
    let list = previous.iter().map(|seed| format!("\"{seed}\"")).collect::<Vec<_>>().join(",");
    domain::Ring::parse_credentials(&format!(r#"{{"seed":"{current}","previous":[{list}]}}"#))
        .expect("a ring")
        .pepper_seeds_at(domain::Timestamp::from_millis(0))
}

fn hasher_with(memory_kib: u32, iterations: u32, seeds: &PepperSeeds) -> Hasher {
    Hasher::new(Parameters::new(memory_kib, iterations).expect("parameters"), seeds)
}

/// The cheapest that is allowed.
fn hasher() -> Hasher {
    hasher_with(7_168, 5, &seeds(CURRENT, &[]))
}

fn password(text: &str) -> Password {
    Password::presented(&Secret::from(text.to_owned())).expect("a password")
}

fn right() -> Password {
    password("correct horse battery staple")
}

async fn stored(hasher: &Hasher) -> PasswordHash {
    hasher.hash(&right(), SALT).await.expect("a hash")
}

#[tokio::test]
async fn only_the_right_password_matches() {
    let hasher = hasher();
    let stored = stored(&hasher).await;

    assert_eq!(hasher.verify(&right(), Some(&stored)).await, Ok(Verdict::Match));
    for wrong in
        ["", "correct horse battery stapl", "correct horse battery staple ", "Correct horse battery staple"]
    {
        assert_eq!(hasher.verify(&password(wrong), Some(&stored)).await, Ok(Verdict::Mismatch), "{wrong}");
    }
}

/// Computed by the reference implementation in C, with the pepper by a program of its own.
#[tokio::test]
async fn a_hash_is_the_one_of_the_reference_implementation() {
    for (memory_kib, iterations, tag) in [
        (19_456, 2, "OxBgWA3/lO6l9vdJuxHvB+wqUeduIn+0drCYdouOaZs"),
        (7_168, 5, "14e6MHmOZvsFsoQwexKSSZeZ4JQcYQ6Svgv0CmOyVvM"),
    ] {
        let hash = stored(&hasher_with(memory_kib, iterations, &seeds(CURRENT, &[]))).await;

        let parameters = format!("$argon2id$v=19$m={memory_kib},t={iterations},p=1");
        assert_eq!(hash.phc, format!("{parameters}$AAECAwQFBgcICQoLDA0ODw${tag}"));
        assert_eq!(hash.pepper_id, "XuE77oTW");
    }
}

#[tokio::test]
async fn nobody_has_no_password() {
    for text in ["", "correct horse battery staple"] {
        assert_eq!(hasher().verify(&password(text), None).await, Ok(Verdict::Mismatch));
    }
}

#[tokio::test]
async fn a_hash_of_other_parameters_matches_and_is_outdated() {
    let old = stored(&hasher()).await;
    let hasher = hasher_with(9_216, 4, &seeds(CURRENT, &[]));

    assert_eq!(hasher.verify(&right(), Some(&old)).await, Ok(Verdict::MatchButOutdated));
    assert_eq!(hasher.verify(&password("wrong"), Some(&old)).await, Ok(Verdict::Mismatch));
    let new = stored(&hasher).await;
    assert_eq!(hasher.verify(&right(), Some(&new)).await, Ok(Verdict::Match));
}

#[tokio::test]
async fn a_hash_of_a_previous_pepper_matches_and_is_outdated() {
    let old = stored(&hasher()).await;
    let hasher = hasher_with(7_168, 5, &seeds(NEXT, &[CURRENT]));

    assert_eq!(hasher.verify(&right(), Some(&old)).await, Ok(Verdict::MatchButOutdated));
    assert_eq!(hasher.verify(&password("wrong"), Some(&old)).await, Ok(Verdict::Mismatch));
    let new = stored(&hasher).await;
    assert_ne!((new.pepper_id, new.phc), (old.pepper_id, old.phc));
}

#[tokio::test]
async fn a_hash_of_an_unknown_pepper_is_an_operators_problem() {
    let old = stored(&hasher()).await;
    let hasher = hasher_with(7_168, 5, &seeds(NEXT, &[]));

    assert_eq!(hasher.verify(&right(), Some(&old)).await, Err(HashError::UnknownPepper));
}

#[tokio::test]
async fn a_hash_under_the_name_of_another_pepper_does_not_match() {
    let hasher = hasher_with(7_168, 5, &seeds(NEXT, &[CURRENT]));
    let mut old = stored(&self::hasher()).await;

    old.pepper_id = stored(&hasher).await.pepper_id;

    assert_eq!(hasher.verify(&right(), Some(&old)).await, Ok(Verdict::Mismatch));
}

#[tokio::test]
async fn a_tampered_hash_is_an_operators_problem() {
    let hasher = hasher();
    let mut stored = stored(&hasher).await;

    stored.phc = stored.phc.replace("m=7168", "m=4194304");

    assert_eq!(hasher.verify(&right(), Some(&stored)).await, Err(HashError::Malformed));
}

#[tokio::test]
async fn many_at_a_time_do_not_disturb_each_other() {
    let hasher = hasher();
    let stored = stored(&hasher).await;
    let tasks: Vec<_> = (0..24)
        .map(|i| {
            let (hasher, stored) = (hasher.clone(), stored.clone());
            let password = if i % 2 == 0 { right() } else { password(&format!("wrong password {i}")) };
            tokio::spawn(async move { hasher.verify(&password, Some(&stored)).await })
        })
        .collect();

    for (i, task) in tasks.into_iter().enumerate() {
        let expected = if i % 2 == 0 { Verdict::Match } else { Verdict::Mismatch };
        assert_eq!(task.await.expect("no panic"), Ok(expected), "{i}");
    }
}

#[test]
fn weak_and_immoderate_parameters_are_refused() {
    for (memory_kib, iterations) in
        [(19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5), (65_536, 10), (46_080, 2)]
    {
        assert!(Parameters::new(memory_kib, iterations).is_ok(), "{memory_kib} {iterations}");
    }
    for (memory_kib, iterations) in [
        (19_455, 2),
        (12_287, 3),
        (9_215, 4),
        (7_167, 5),
        (7_167, 10),
        (65_536, 1),
        (0, 0),
        (65_537, 2),
        (19_456, 11),
        (u32::MAX, u32::MAX),
    ] {
        assert_eq!(
            Parameters::new(memory_kib, iterations),
            Err(InvalidParameters),
            "{memory_kib} {iterations}"
        );
    }
}
