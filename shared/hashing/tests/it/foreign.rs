//! Hashes that others have made, by their own libraries: `tests/foreign-hashes/run` makes them.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use hashing::{ForeignHash, Verdict};
use serde::Deserialize;

use crate::{SALT, hasher, password};

#[derive(Deserialize)]
struct Vector {
    by: String,
    password: String,
    wrong: String,
    hash: Option<String>,
    firebase: Option<Firebase>,
}

#[derive(Deserialize)]
struct Firebase {
    signer_key: String,
    salt_separator: String,
    rounds: u32,
    memory_cost: u32,
    salt: String,
    hash: String,
}

/// Those of the repository, or of the file that `GATEPOST_FOREIGN_HASHES` names.
fn vectors() -> Vec<Vector> {
    let kept = include_str!("../../../../tests/foreign-hashes/vectors.ndjson");
    let file = std::env::var_os("GATEPOST_FOREIGN_HASHES");
    let text = file.map(|file| std::fs::read_to_string(file).expect("the file"));
    let text = text.as_deref().unwrap_or(kept);
    text.lines().map(|line| serde_json::from_str(line).expect("a vector")).collect()
}

impl Vector {
    fn foreign(&self) -> ForeignHash {
        let octets = |text: &str| STANDARD.decode(text).expect("base64");
        match (&self.hash, &self.firebase) {
            (Some(hash), _) => hash.parse().unwrap_or_else(|error| panic!("{}: {error}: {hash}", self.by)),
            (None, Some(user)) => ForeignHash::firebase(
                (&octets(&user.signer_key), &octets(&user.salt_separator)),
                (user.rounds, user.memory_cost),
                &octets(&user.salt),
                &octets(&user.hash),
            )
            .expect("a hash"),
            (None, None) => panic!("{}: no hash", self.by),
        }
    }
}

#[tokio::test]
async fn what_others_have_hashed_is_verified_and_outdated() {
    let vectors = vectors();
    assert!(vectors.len() > 150, "only {} hashes", vectors.len());
    let tasks: Vec<_> = vectors
        .into_iter()
        .map(|vector| {
            tokio::spawn(async move {
                let hasher = hasher();
                let stored = hasher.adopt(vector.foreign(), SALT).await.expect("a hash");
                let (right, wrong) = (password(&vector.password), password(&vector.wrong));

                let [right, wrong] =
                    [hasher.verify(&right, Some(&stored)).await, hasher.verify(&wrong, Some(&stored)).await];

                let (by, text) = (&vector.by, &vector.password);
                assert_eq!(right, Ok(Verdict::MatchButOutdated), "{by}: {text}: {}", stored.phc);
                assert_eq!(wrong, Ok(Verdict::Mismatch), "{by}: {text}: {}", stored.phc);
                let is_over = stored.phc.starts_with("$over$");
                (vector.by, if is_over { "wrapped" } else { "as it is" })
            })
        })
        .collect();

    let mut seen = BTreeSet::new();
    for task in tasks {
        seen.insert(task.await.expect("no panic"));
    }
    for (by, kept) in seen {
        eprintln!("{by}: {kept}");
    }
}

#[tokio::test]
async fn of_what_is_weak_only_argon2id_over_it_is_kept() {
    let digest = "XUFAKrxLKna5cZ2REBfFkg";
    let weak: ForeignHash = format!("$md5-prefix$i=1$c2FsdA${digest}").parse().expect("a hash");

    let stored = hasher().adopt(weak, SALT).await.expect("a hash");

    let inner = "$over$md5-prefix$i=1$c2FsdA";
    assert!(stored.phc.starts_with(&format!("{inner}$argon2id$v=19$m=7168,t=5,p=1$")), "{}", stored.phc);
    assert!(!stored.phc.contains(digest), "{}", stored.phc);
    assert_eq!(stored.pepper_id, "XuE77oTW");
}

#[tokio::test]
async fn a_wrapped_hash_needs_its_pepper() {
    let weak: ForeignHash = "md5$salt$5d41402abc4b2a76b9719d911017c592".parse().expect("a hash");
    let stored = hasher().adopt(weak, SALT).await.expect("a hash");
    let other = crate::hasher_with(7_168, 5, &crate::seeds(crate::NEXT, &[]));

    assert_eq!(hasher().check(&stored), Ok(()));
    assert_eq!(other.check(&stored), Err(hashing::HashError::UnknownPepper));
    assert_eq!(other.verify(&password("x"), Some(&stored)).await, Err(hashing::HashError::UnknownPepper));
}

#[tokio::test]
async fn a_stored_foreign_hash_that_somebody_has_tampered_with_is_an_operators_problem() {
    let strong = format!("$2b$10${}", "a".repeat(53));
    let stored = hasher().adopt(strong.parse().expect("a hash"), SALT).await.expect("a hash");
    assert_eq!(stored.pepper_id, "none");
    for (from, to) in [("c=10", "c=31"), ("c=10", "c=010x"), ("$bcrypt", "$crypt"), ("$", "")] {
        let mut tampered = stored.clone();
        tampered.phc = tampered.phc.replacen(from, to, 1);

        let verdict = hasher().verify(&password("x"), Some(&tampered)).await;

        assert_eq!(verdict, Err(hashing::HashError::Malformed), "{}", tampered.phc);
    }
}

#[tokio::test]
async fn a_password_beyond_all_measure_matches_no_foreign_hash() {
    for (length, md5, expected) in [
        (512, "9147bc1f0f20e8ae1932e616b51240fb", Verdict::MatchButOutdated),
        (513, "d70999aa02d6479b04bc87c1c60a5073", Verdict::Mismatch),
    ] {
        let hash = format!("md5$${md5}").parse().expect("a hash");
        let stored = hasher().adopt(hash, SALT).await.expect("a hash");

        assert_eq!(hasher().verify(&password(&"x".repeat(length)), Some(&stored)).await, Ok(expected));
    }
}
