use proptest::prelude::*;

use super::*;

const OVERLAP: Duration = Duration::from_hours(24 * 7);

fn seed(n: u8) -> String {
    format!("{n:03}0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL")
}

fn new_seed(n: u8) -> Seed {
    Seed::parse(seed(n)).expect("a seed")
}

fn new_key(n: u8) -> KeyMaterial {
    KeyMaterial::first(new_seed(n))
}

fn key_of(n: u8, algorithm: SigningAlgorithm) -> KeyMaterial {
    let private_key = algorithm.is_rsa().then(|| Secret::from("MIIE".to_owned()));
    KeyMaterial::new(new_seed(n), algorithm, private_key).expect("a key")
}

fn generated() -> Ring {
    Ring::parse_keys(&format!(r#"{{"previous":[],"seed":"{}"}}"#, seed(0))).expect("a ring")
}

fn at(minutes: u64) -> Timestamp {
    Timestamp::from_millis(1_795_230_000_000).plus(Duration::from_mins(minutes))
}

fn states(ring: &Ring, now: Timestamp) -> Vec<&'static str> {
    ring.keys_at(now).map(|(_, state)| state.name()).collect()
}

#[test]
fn a_weak_or_default_seed_is_refused() {
    let padded = format!(r#"{{"seed":"{}"}}"#, "change-me-".repeat(6));
    let peppers = format!(r#"{{"peppers":[{{"seed":"{}"}}]}}"#, seed(1));
    let keys = format!(r#"{{"keys":[{{"seed":"{}"}}]}}"#, seed(1));
    for secret in ["", "{}", r#"{"seed":"short"}"#, &padded, &peppers] {
        assert_eq!(Ring::parse_keys(secret).err(), Some(InvalidSeeds), "{secret}");
    }
    for secret in ["", "{}", r#"{"pepper":"short"}"#, &padded.replace("seed", "pepper"), &keys] {
        assert_eq!(Ring::parse_credentials(secret).err(), Some(InvalidSeeds), "{secret}");
    }
}

/// The keys secret of an older deployment after one rotation.
fn shared() -> Ring {
    let begun = generated().with_new_key(new_key(1), at(0)).expect("a ring");
    begun.with_start(at(0), OVERLAP).expect("a ring")
}

fn credentials() -> Ring {
    Ring::parse_credentials(&format!(r#"{{"pepper":"{}"}}"#, seed(9))).expect("a secret")
}

fn peppers_of(ring: &Ring) -> Vec<Vec<u8>> {
    ring.peppers().map(|(seed, _)| seed.bytes().to_vec()).collect()
}

#[test]
fn peppers_move_into_the_credentials_secret_and_keep_their_values_and_moments() {
    let old = shared().with_new_pepper(new_seed(2), at(0));

    let copied = credentials().with_peppers_of(&old, true).expect("a copy");

    assert_eq!(peppers_of(&copied), [seed(2), seed(0), seed(9)].map(String::into_bytes));
    for now in [at(0), at(60)] {
        assert_eq!(copied.pepper_seeds_at(now).current(), old.pepper_seeds_at(now).current());
    }
    let stripped = old.without_peppers(&copied).expect("without");
    assert!(!stripped.to_secret().contains("peppers") && !copied.to_secret().contains("keys"));
    assert_eq!(states(&stripped, at(61)), states(&old, at(61)));
    assert!(copied.with_peppers_of(&old, true).is_none(), "the second run changes nothing");
    assert!(stripped.without_peppers(&copied).is_none(), "the second run changes nothing");
}

#[test]
fn peppers_are_removed_only_if_the_other_secret_holds_them() {
    assert!(shared().without_peppers(&credentials()).is_none());
}

#[test]
fn a_credentials_secret_that_is_in_use_keeps_its_current_pepper() {
    let copied = credentials().with_peppers_of(&shared(), false).expect("a copy");
    assert_eq!(peppers_of(&copied), [seed(9), seed(0)].map(String::into_bytes));
}

#[test]
fn a_secret_that_holds_both_keeps_both() {
    let both = Ring::parse_credentials(&shared().to_secret()).expect("a secret");
    let both = both.with_new_pepper(new_seed(2), at(0)).to_secret();
    assert_eq!(states(&Ring::parse_keys(&both).expect("a ring"), at(61)), ["current", "retired"]);
    let receipts = Ring::parse_credentials(&both).expect("a secret").pepper_seeds_at(at(61));
    let expected = [seed(2), seed(0), seed(1), seed(0)].map(String::into_bytes);
    assert_eq!(receipts.of_receipts().map(<[u8]>::to_vec).collect::<Vec<_>>(), expected);
}

#[test]
fn a_pending_key_opens_nothing() {
    let opens = |now: Timestamp| shared().seeds_at(now).others().any(|other| other == seed(1).as_bytes());
    let start = at(60);
    assert!(!opens(at(0)) && !opens(start.minus(Duration::from_millis(5001))));
    assert!(opens(start.minus(Ring::LEEWAY)), "clocks differ by seconds");
    assert_eq!(shared().seeds_at(start).current(), seed(1).as_bytes());
}

#[test]
fn previous_seeds_are_kept_in_order() {
    let secret = format!(r#"{{"seed":"{}","previous":["{}","{}"]}}"#, seed(1), seed(2), seed(3));
    let ring = Ring::parse_keys(&secret).expect("a ring");
    let (seeds, peppers) = (ring.seeds_at(at(0)), ring.pepper_seeds_at(at(0)));
    let previous = [seed(2).into_bytes(), seed(3).into_bytes()];
    assert_eq!((seeds.current(), peppers.current()), (seed(1).as_bytes(), seed(1).as_bytes()));
    assert_eq!(seeds.others().map(<[u8]>::to_vec).collect::<Vec<_>>(), previous);
    assert_eq!(peppers.others().map(<[u8]>::to_vec).collect::<Vec<_>>(), previous);
}

#[test]
fn a_key_is_new_pending_current_retired_and_gone() {
    let begun = generated().with_new_key(new_key(1), at(0)).expect("a ring");
    assert_eq!(states(&begun, at(0)), ["new", "current"]);
    let started = begun.with_start(at(0), OVERLAP).expect("a ring");
    let overlap = OVERLAP.as_secs() / 60;

    assert_eq!(states(&started, at(59)), ["pending", "current"]);
    assert_eq!(states(&started, at(60)), ["current", "retired"]);
    assert_eq!(states(&started, at(59 + overlap)), ["current", "retired"]);
    assert_eq!(states(&started, at(60 + overlap)), ["current", "gone"]);
    let next = started.with_new_key(new_key(2), at(60 + overlap)).expect("a ring");
    assert_eq!(states(&next, at(60 + overlap)), ["new", "current"], "keys that are gone are dropped");
}

#[test]
fn one_rotation_at_a_time() {
    let begun = generated().with_new_key(new_key(1), at(0)).expect("a ring");
    assert!(begun.with_new_key(new_key(2), at(0)).is_none());
    let started = begun.with_start(at(0), OVERLAP).expect("a ring");
    assert!(
        started.with_new_key(new_key(2), at(59)).is_none() && started.with_start(at(1), OVERLAP).is_none()
    );
    assert!(started.with_new_key(new_key(2), at(60)).is_some());
}

#[test]
fn a_rotation_is_due_when_the_current_key_is_old_enough() {
    let every = Some(Duration::from_hours(24));
    let is_due = |ring: &Ring, now, every| ring.is_due(now, every, SigningAlgorithm::Es256);
    let rotated =
        generated().with_new_key(new_key(1), at(0)).and_then(|ring| ring.with_start(at(0), OVERLAP));
    let rotated = rotated.expect("a ring");
    assert!(is_due(&generated(), at(0), every), "its age is unknown");
    assert!(!is_due(&rotated, at(0), every) && !is_due(&rotated, at(60 + 24 * 60 - 1), every));
    assert!(is_due(&rotated, at(60 + 24 * 60), every));
    assert!(!is_due(&rotated, at(60 + 24 * 60), None) && !is_due(&generated(), at(0), None));
}

#[test]
fn a_rotation_is_due_when_the_current_key_signs_by_another_algorithm() {
    let every = Some(Duration::from_hours(24));
    let other = key_of(1, SigningAlgorithm::EdDsa);
    let begun = generated().with_new_key(other, at(0)).expect("a ring");
    let rotated = begun.with_start(at(0), OVERLAP).expect("a ring");

    assert!(generated().is_due(at(0), None, SigningAlgorithm::EdDsa));
    assert!(!begun.is_due(at(0), None, SigningAlgorithm::EdDsa), "one is pending");
    assert!(!rotated.is_due(at(59), None, SigningAlgorithm::Es384), "one at a time");
    assert!(!rotated.is_due(at(60), every, SigningAlgorithm::EdDsa), "it is");
    assert!(rotated.is_due(at(60), None, SigningAlgorithm::Es384));
}

#[test]
fn a_key_keeps_its_algorithm() {
    let algorithm = |ring: &Ring, now| ring.seeds_at(now).signing().map(KeyMaterial::algorithm);
    let other = key_of(1, SigningAlgorithm::Es384);
    let begun = generated().with_new_key(other, at(0)).expect("a ring");
    let ring = begun.with_start(at(0), OVERLAP).expect("a ring");

    let ring = Ring::parse_keys(&ring.to_secret()).expect("a ring");

    assert_eq!(algorithm(&ring, at(59)), Some(SigningAlgorithm::Es256));
    assert_eq!(algorithm(&ring, at(60)), Some(SigningAlgorithm::Es384));
    let named = |name: &str| ring.to_secret().replace("ES384", name);
    for unknown in ["HS256", "none", "", "es384"] {
        assert_eq!(Ring::parse_keys(&named(unknown)).err(), Some(InvalidSeeds), "{unknown}");
    }
    assert!(Ring::parse_keys(&named("EdDSA")).is_ok());
}

#[test]
fn only_rsa_keys_have_a_private_key() {
    let begun = generated().with_new_key(key_of(1, SigningAlgorithm::Rs384), at(0)).expect("a ring");
    let secret = begun.with_start(at(0), OVERLAP).expect("a ring").to_secret();

    let seeds = Ring::parse_keys(&secret).expect("a ring").seeds_at(at(3 * 60));

    let private_key = seeds.signing().and_then(KeyMaterial::private_key).expect("a private key");
    assert_eq!(private_key.expose(), "MIIE");
    let (derived, lacking) = (secret.replace("RS384", "ES384"), secret.replace("private_key", "until"));
    for secret in [&derived, &lacking, &secret.replace(r#","private_key":"MIIE""#, "")] {
        assert_eq!(Ring::parse_keys(secret).err(), Some(InvalidSeeds), "{}", secret.as_str());
    }
}

#[test]
fn an_rsa_key_is_published_for_three_hours_before_it_signs() {
    let begun = generated().with_new_key(key_of(1, SigningAlgorithm::Rs256), at(0)).expect("a ring");
    let ring = begun.with_start(at(0), OVERLAP).expect("a ring");
    assert_eq!(states(&ring, at(3 * 60 - 1)), ["pending", "current"]);
    assert_eq!(states(&ring, at(3 * 60)), ["current", "retired"]);
}

#[test]
fn a_signing_key_cannot_be_removed() {
    let rotated =
        generated().with_new_key(new_key(1), at(0)).and_then(|ring| ring.with_start(at(0), OVERLAP));
    let rotated = rotated.expect("a ring");
    assert_eq!(rotated.with_retired(0, at(0)).err(), Some(StillSigns));
    assert_eq!(rotated.with_retired(1, at(0)).err(), Some(StillSigns));
    let retired = rotated.with_retired(1, at(61)).expect("a ring");
    assert_eq!(states(&retired, at(61)), ["current", "gone"]);
}

/// The changes of a ring, in any order, with interruptions at any step.
#[derive(Clone, Copy, Debug)]
enum Step {
    Begin,
    Start,
    Pepper,
    Revoke,
    Retire(usize),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Begin),
        3 => Just(Step::Start),
        1 => Just(Step::Pepper),
        1 => Just(Step::Revoke),
        1 => (0..4_usize).prop_map(Step::Retire),
        3 => (1..90_u64).prop_map(Step::Pass),
        2 => (90..12_000_u64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..60)
}

struct Player {
    ring: Ring,
    minutes: u64,
    made: u8,
    /// The seeds that were revoked.
    given_up: Vec<Vec<u8>>,
    /// The time at which each seed last signed.
    signed: Vec<(Vec<u8>, Timestamp)>,
    /// The time at which each seed got its start, and the start.
    may_sign: Vec<(Vec<u8>, Timestamp)>,
}

impl Player {
    fn play(&mut self, step: Step) {
        let now = at(self.minutes);
        self.made += 1;
        let (key, seed) = (new_key(self.made), new_seed(self.made));
        let before = self.ring.seeds_at(now);
        match step {
            Step::Begin => self.ring = self.ring.with_new_key(key, now).unwrap_or(self.ring.clone()),
            Step::Start => {
                if let Some(started) = self.ring.with_start(now, OVERLAP) {
                    let new = started.keys[0].material.seed().bytes().to_vec();
                    self.may_sign.push((new, now.plus(Ring::LEAD)));
                    self.ring = started;
                }
            }
            Step::Pepper => self.ring = self.ring.with_new_pepper(seed, now),
            Step::Revoke => {
                self.may_sign.push((seed.bytes().to_vec(), now));
                self.ring = self.ring.revoked(key, now);
                self.given_up.push(before.current().to_vec());
                self.given_up.extend(before.others().map(<[u8]>::to_vec));
            }
            Step::Retire(index) => {
                if let Ok(retired) = self.ring.with_retired(index, now) {
                    self.given_up
                        .extend(self.ring.keys.get(index).map(|key| key.material.seed().bytes().to_vec()));
                    self.ring = retired;
                }
            }
            Step::Pass(minutes) => self.minutes += minutes,
        }
    }

    fn check(&mut self) {
        let now = at(self.minutes);
        let seeds = self.ring.seeds_at(now);
        let current = seeds.current().to_vec();
        let signing = states(&self.ring, now).into_iter().filter(|state| *state == "current");
        assert_eq!(signing.count(), 1, "one key signs");
        assert!(!self.given_up.contains(&current), "a revoked key does not sign");
        let starts: Vec<_> = self.may_sign.iter().filter(|(seed, _)| *seed == current).collect();
        assert!(starts.iter().all(|(_, start)| *start <= now), "published before it signs");
        assert!(current == seed(0).as_bytes() || !starts.is_empty(), "nothing signs without a start");

        let known: Vec<_> =
            std::iter::once(seeds.current()).chain(seeds.others()).map(<[u8]>::to_vec).collect();
        for given_up in &self.given_up {
            assert!(!known.contains(given_up), "revoked keys are gone");
        }
        self.signed.retain(|(seed, _)| *seed != current);
        self.signed.push((current, now));
        for (seed, last) in &self.signed {
            let is_needed = now.since(*last) < OVERLAP && !self.given_up.contains(seed);
            assert!(!is_needed || known.contains(seed), "a key stays until its last token has expired");
        }
        let again = Ring::parse_keys(&self.ring.to_secret()).expect("a ring");
        assert_eq!(*again.to_secret(), *self.ring.to_secret());
    }
}

proptest! {
    #[test]
    fn one_key_signs_after_it_was_published_and_verifies_until_its_last_token_is_dead(steps in steps()) {
        let mut player = Player {
            ring: generated(), minutes: 0, made: 0, given_up: vec![], signed: vec![], may_sign: vec![],
        };
        let mut peppers = 1;
        for step in steps {
            player.play(step);
            peppers += usize::from(matches!(step, Step::Pepper));
            player.check();
            prop_assert_eq!(player.ring.peppers().count(), peppers, "no pepper is ever lost");
        }
    }

    #[test]
    fn between_two_changes_nothing_changes(steps in steps(), minutes in 0..20_000_u64) {
        let mut player = Player {
            ring: generated(), minutes: 0, made: 0, given_up: vec![], signed: vec![], may_sign: vec![],
        };
        for step in steps {
            player.play(step);
        }
        let (now, later) = (at(player.minutes), at(player.minutes + minutes));
        if player.ring.changes_at(now).is_none_or(|change| later < change) {
            let (before, after) = (player.ring.seeds_at(now), player.ring.seeds_at(later));
            prop_assert_eq!(before.current(), after.current());
            let pepper = |now| player.ring.pepper_seeds_at(now).current().to_vec();
            prop_assert_eq!(pepper(now), pepper(later));
            prop_assert_eq!(before.others().count(), after.others().count());
        }
    }
}
