use domain::Purpose;
use proptest::prelude::*;
use tokens::{InvalidToken, LinkToken};
use uuid::Uuid;

const TEXT: &str = "gpl_AAECAwQFBgcICQoLDA0ODwFkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ent8fX5_gIGCgw";
const HASH: u128 = 0xacab_aa1d_0f40_8ee4_88fd_f9b1_6b39_5ad2;

fn parse(text: &str) -> Result<Uuid, InvalidToken> {
    LinkToken::parse(text, Purpose::VerifyRegistration).map(|token| token.subject())
}

/// Text and hash were computed by an independent program in another language.
#[test]
fn a_link_token_and_its_hash_never_change() {
    let bytes = |first: u8| move |i: usize| first + u8::try_from(i).expect("small");
    let subject = Uuid::from_bytes(std::array::from_fn(bytes(0)));

    let made = LinkToken::new(subject, Purpose::VerifyRegistration, std::array::from_fn(bytes(100)));
    let read = LinkToken::parse(made.secret().expose(), Purpose::VerifyRegistration).expect("a token");

    assert_eq!(made.secret().expose(), TEXT);
    assert_eq!((made.subject(), read.subject()), (subject, subject));
    assert_eq!(made.hash().bytes()[..16], HASH.to_be_bytes(), "SHA-256 of the text");
    assert_eq!(made.hash(), read.hash());
}

#[test]
fn a_token_for_another_purpose_is_refused() {
    let other = TEXT.replace("ODwFk", "ODwJk");
    assert_ne!(other, TEXT);
    assert_eq!(parse(&other), Err(InvalidToken));
}

#[test]
fn a_token_with_anything_around_it_or_in_another_spelling_is_refused() {
    for wrong in [
        "",
        "gpl_",
        &TEXT[4..],
        &TEXT.replace("gpl_", "gpr_"),
        &format!("{TEXT}="),
        &format!("{TEXT}A"),
        &format!("{TEXT}\n"),
        &format!(" {TEXT}"),
        &TEXT[..TEXT.len() - 1],
        &TEXT.replace("Cgw", "Cgx"),
        &format!("gpl_{}", TEXT[4..].replace('_', "/")),
    ] {
        assert_eq!(parse(wrong), Err(InvalidToken), "{wrong}");
    }
}

proptest! {
    #[test]
    fn every_token_comes_back(subject: u128, random: [u8; 32]) {
        let subject = Uuid::from_u128(subject);
        let token = LinkToken::new(subject, Purpose::VerifyRegistration, random);
        prop_assert_eq!(parse(token.secret().expose()), Ok(subject));
    }

    #[test]
    fn other_randomness_is_another_hash(one: [u8; 32], other: [u8; 32]) {
        prop_assume!(one != other);
        let hash = |random| LinkToken::new(Uuid::nil(), Purpose::VerifyRegistration, random).hash();
        prop_assert_ne!(hash(one), hash(other));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(gpl_)?\\PC{0,80}") {
        prop_assert_eq!(parse(&text), Err(InvalidToken));
    }
}
