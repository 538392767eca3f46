use domain::{Presented, Secret, SessionId, UserId};
use proptest::prelude::*;
use tokens::{InvalidToken, RefreshTokenError};
use uuid::Uuid;

use crate::{CURRENT, NEXT, issuer, issuer_with, seeds, uuid};

fn presented(generation: u64) -> Presented {
    Presented { user_id: UserId::from_uuid(uuid(1)), session_id: SessionId::from_uuid(uuid(2)), generation }
}

/// Computed from the seed by an independent program in another language, without these libraries.
#[test]
fn a_refresh_token_never_changes() {
    let ids = |first: u8| Uuid::from_bytes(std::array::from_fn(|i| first + u8::try_from(i).expect("small")));
    let presented = Presented {
        user_id: UserId::from_uuid(ids(0)),
        session_id: SessionId::from_uuid(ids(16)),
        generation: 7,
    };
    assert_eq!(
        issuer().refresh_token(presented).expose(),
        "gpr_NM3LW5UKAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8AAAAAAAAABwOS4FhtTfywUGlcgYYmLQq0rfzctBure\
         jnf8mJi50xz"
    );
}

#[test]
fn a_token_of_a_previous_seed_still_opens() {
    let token = issuer().refresh_token(presented(3));

    let rotated = issuer_with(&seeds(NEXT, &[CURRENT]));

    assert_eq!(rotated.open_refresh_token(&token), Ok(presented(3)));
    let resealed = rotated.refresh_token(presented(3));
    let without_previous = issuer_with(&seeds(NEXT, &[]));
    assert_eq!(without_previous.open_refresh_token(&resealed), Ok(presented(3)), "the new seed seals");
}

#[test]
fn a_token_of_an_unknown_seed_is_refused() {
    let token = issuer_with(&seeds(NEXT, &[])).refresh_token(presented(3));

    assert_eq!(issuer().open_refresh_token(&token), Err(RefreshTokenError::UnknownKey));
}

#[test]
fn a_token_with_anything_around_it_is_refused() {
    let token = issuer().refresh_token(presented(3));
    let body = token.expose().strip_prefix("gpr_").expect("a prefix");
    for wrong in [
        String::new(),
        "gpr_".to_owned(),
        body.to_owned(),
        format!("gpl_{body}"),
        format!("GPR_{body}"),
        format!("gpr_{body}="),
        format!("gpr_{body}A"),
        format!("gpr_{body}AAAA"),
        format!(" gpr_{body}"),
        format!("gpr_{body}\n"),
        format!("gpr_{}", &body[..body.len() - 4]),
    ] {
        assert_eq!(
            issuer().open_refresh_token(&Secret::from(wrong.clone())),
            Err(RefreshTokenError::Forged(InvalidToken)),
            "{wrong}"
        );
    }
}

proptest! {
    #[test]
    fn every_generation_comes_back(generation: u64, user: u128, session: u128) {
        let presented = Presented {
            user_id: UserId::from_uuid(Uuid::from_u128(user)),
            session_id: SessionId::from_uuid(Uuid::from_u128(session)),
            generation,
        };
        prop_assert_eq!(issuer().open_refresh_token(&issuer().refresh_token(presented)), Ok(presented));
    }

    #[test]
    fn an_altered_token_is_refused(generation: u64, at in 0_usize..108, bit in 0_u8..7) {
        let mut token = issuer().refresh_token(presented(generation)).expose().as_bytes().to_vec();
        token[at] ^= 1 << bit;
        let altered = Secret::from(String::from_utf8(token).expect("ASCII"));
        prop_assert!(issuer().open_refresh_token(&altered).is_err());
    }

    #[test]
    fn no_text_is_a_token(text in "(gpr_)?\\PC{0,120}") {
        prop_assert_eq!(issuer().open_refresh_token(&Secret::from(text)), Err(RefreshTokenError::Forged(InvalidToken)));
    }
}
