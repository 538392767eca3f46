//! Valid and invalid cursors.

use tokens::CursorKeys;

use crate::{CURRENT, NEXT, seeds};

const POSITION: &str = "ada@example.com";
const LIST: &[u8] = b"ada /v1/users";

#[test]
fn a_cursor_works_for_its_list_only_and_survives_a_rotation() {
    let cursor = CursorKeys::derive(&seeds(CURRENT, &[])).seal([1; 12], POSITION, LIST);
    let opened =
        |current, previous: &[&str], list| CursorKeys::derive(&seeds(current, previous)).open(&cursor, list);

    assert_eq!(opened(CURRENT, &[], LIST).as_deref(), Some(POSITION));
    assert_eq!(opened(CURRENT, &[], b"bob /v1/users"), None);
    assert_eq!(opened(NEXT, &[CURRENT], LIST).as_deref(), Some(POSITION));
    assert_eq!(opened(NEXT, &[], LIST), None);
}

#[test]
fn a_cursor_does_not_reveal_its_position() {
    let keys = CursorKeys::derive(&seeds(CURRENT, &[]));
    let [one, other] =
        ["ada@example.com", "eve@example.com"].map(|position| keys.seal([1; 12], position, LIST));
    let decoded = tokens_of(&one);

    assert!(!decoded.windows(7).any(|octets| octets == b"example"), "{one}");
    assert_ne!(one, other);
}

fn tokens_of(cursor: &str) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(cursor.trim_start_matches("gpc_")).expect("base64url")
}

#[test]
fn forged_and_altered_cursors_are_refused() {
    let keys = CursorKeys::derive(&seeds(CURRENT, &[]));
    let cursor = keys.seal([1; 12], POSITION, LIST);
    for at in 0..cursor.len() {
        let mut altered = cursor.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).expect("ASCII");
        assert_eq!(keys.open(&altered, LIST), None, "octet {at}");
    }
    for made_up in ["", "gpc_", "7", "gpc_AAAA"] {
        assert_eq!(keys.open(made_up, LIST), None, "{made_up}");
    }
}
