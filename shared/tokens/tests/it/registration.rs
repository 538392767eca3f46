use domain::Secret;
use proptest::prelude::*;
use tokens::{InvalidToken, RegistrationToken};

const TEXT: &str = "gps_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM";
const HASH: u128 = 0x7709_c954_096b_2cfc_e6bd_ca1e_b909_a936;

fn parse(text: &str) -> Result<RegistrationToken, InvalidToken> {
    RegistrationToken::parse(&Secret::from(text.to_owned()))
}

/// Text and hash were computed by an independent program in another language.
#[test]
fn a_registration_token_and_its_hash_never_change() {
    let random = std::array::from_fn(|at| 100 + u8::try_from(at).expect("small"));

    let made = RegistrationToken::new(random);
    let read = parse(made.secret().expose()).expect("a token");

    assert_eq!(made.secret().expose(), TEXT);
    assert_eq!(made.hash().bytes()[..16], HASH.to_be_bytes(), "SHA-256 of the text");
    assert_eq!(made.hash(), read.hash());
}

#[test]
fn a_token_with_anything_around_it_or_in_another_spelling_is_refused() {
    for wrong in [
        "",
        "gps_",
        &TEXT[4..],
        &TEXT.replace("gps_", "gpl_"),
        &format!("{TEXT}="),
        &format!("{TEXT}AAAA"),
        &format!("{TEXT}\n"),
        &format!(" {TEXT}"),
        &TEXT[..TEXT.len() - 1],
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn other_randomness_is_another_hash(one: [u8; 32], other: [u8; 32]) {
        prop_assume!(one != other);
        prop_assert_ne!(RegistrationToken::new(one).hash(), RegistrationToken::new(other).hash());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(gps_)?\\PC{0,60}") {
        prop_assert!(parse(&text).is_err());
    }
}
