//! What is a cursor, and of which list.

use tokens::CursorKeys;

use crate::{CURRENT, NEXT, seeds};

#[test]
fn a_cursor_is_of_its_list_only_and_outlives_a_rotation() {
    let keys = CursorKeys::derive(&seeds(CURRENT, &[]));
    let cursor = keys.seal(7, b"ada/v1/me/events");

    assert_eq!(keys.open(cursor.clone(), b"ada/v1/me/events"), Some(7));
    assert_eq!(keys.open(cursor.clone(), b"bob/v1/me/events"), None);
    assert_eq!(
        CursorKeys::derive(&seeds(NEXT, &[CURRENT])).open(cursor.clone(), b"ada/v1/me/events"),
        Some(7)
    );
    assert_eq!(CursorKeys::derive(&seeds(NEXT, &[])).open(cursor, b"ada/v1/me/events"), None);
}

#[test]
fn what_was_made_up_or_altered_is_no_cursor() {
    let keys = CursorKeys::derive(&seeds(CURRENT, &[]));
    let cursor = keys.seal(u128::MAX, b"");
    for at in 0..cursor.len() {
        let mut altered = cursor.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).expect("ASCII");
        assert_eq!(keys.open(altered, b""), None, "octet {at}");
    }
    for made_up in ["", "gpc_", "7", "gpc_AAAA"] {
        assert_eq!(keys.open(made_up.to_owned(), b""), None, "{made_up}");
    }
}
