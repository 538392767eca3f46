//! Requests that open a stored response, and requests that do not.

use tokens::{ReceiptKey, ReceiptKeys};

const NONCE: [u8; 12] = [7; 12];
const SCOPE: [&[u8]; 3] = [b"a-random-key", b"POST", b"/v1/sessions"];
const REQUEST: [&[u8]; 2] = [b"", b"{\"password\":\"secret\"}"];

fn seed(c: char) -> String {
    format!("{c}0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL")
}

fn keys(current: char, previous: Option<char>) -> ReceiptKeys {
    let previous = previous.map(|c| format!("\"{}\"", seed(c))).unwrap_or_default();
    let secret = format!(r#"{{"seed":"{}","previous":[{previous}]}}"#, seed(current));
    let ring = domain::Ring::parse_keys(&secret).expect("a ring");
    ReceiptKeys::peppered(ring.seeds_at(domain::Timestamp::from_millis(0)).all())
}

fn opens(key: &ReceiptKey, sealed: &[u8]) -> bool {
    key.open(sealed).is_some_and(|answer| *answer == b"the answer")
}

#[test]
fn only_the_same_request_opens_its_response() {
    let keys = keys('a', None);
    let sealed = keys.of(&SCOPE, &REQUEST).seal(NONCE, b"the answer");

    assert!(opens(&keys.of(&SCOPE, &REQUEST), &sealed));
    for other in [[b"".as_slice(), b"{}"], [b"?", REQUEST[1]], [REQUEST[1], b""]] {
        assert!(!opens(&keys.of(&SCOPE, &other), &sealed));
        assert_eq!(
            keys.of(&SCOPE, &other).id(),
            keys.of(&SCOPE, &REQUEST).id(),
            "it is the same stored response"
        );
    }
}

#[test]
fn another_key_or_route_has_another_stored_response() {
    let keys = ReceiptKeys::unpeppered();
    let id = keys.of(&SCOPE, &REQUEST).id();
    for other in [
        [b"another-key".as_slice(), SCOPE[1], SCOPE[2]],
        [SCOPE[0], b"DELETE", SCOPE[2]],
        [SCOPE[0], b"POST/v1", b"/sessions"],
    ] {
        assert_ne!(keys.of(&other, &REQUEST).id(), id);
    }
}

#[test]
fn opening_needs_the_secret_and_works_after_a_rotation() {
    let sealed = keys('a', None).of(&SCOPE, &REQUEST).seal(NONCE, b"the answer");

    assert!(!opens(&ReceiptKeys::unpeppered().of(&SCOPE, &REQUEST), &sealed));
    assert!(!opens(&keys('b', None).of(&SCOPE, &REQUEST), &sealed));
    assert!(opens(&keys('b', Some('a')).of(&SCOPE, &REQUEST), &sealed));
}

#[test]
fn altered_or_moved_responses_cannot_be_opened() {
    let key = keys('a', None).of(&SCOPE, &REQUEST);
    let sealed = key.seal(NONCE, b"the answer");
    for at in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        assert!(!opens(&key, &altered), "octet {at}");
    }
    for length in 0..sealed.len() {
        assert!(!opens(&key, &sealed[..length]), "{length} octets");
    }
}
