use domain::{
    CanonicalEmail, Credential, DeviceId, Email, PasswordHash, Presented, Secret, SessionId, UserId,
};
use proptest::prelude::*;
use tokens::{InvalidToken, KnownDevice};
use uuid::Uuid;

use crate::{CURRENT, NEXT, issuer, issuer_with, seeds, uuid};

fn email(address: &str) -> CanonicalEmail {
    Email::parse(address).expect("an address").canonical().clone()
}

fn credential(user: Uuid, version: u64) -> Credential {
    Credential {
        email: email("ada@example.com"),
        user_id: UserId::from_uuid(user),
        version,
        password_hash: PasswordHash { phc: String::new(), pepper_id: String::new() },
        previous_hashes: Vec::new(),
    }
}

fn device() -> KnownDevice {
    KnownDevice::new(DeviceId::from_uuid(uuid(7)), &credential(uuid(1), 3))
}

/// Computed from the seed by an independent program in another language, without these libraries.
#[test]
fn a_device_token_never_changes() {
    let ids = |first: u8| Uuid::from_bytes(std::array::from_fn(|i| first + u8::try_from(i).expect("small")));
    let device = KnownDevice::new(DeviceId::from_uuid(ids(16)), &credential(ids(0), 7));

    let token = issuer().device_token(&device, &email("ada@example.com"));

    assert_eq!(
        token.expose(),
        "gpd_YenG45cFEBESExQVFhcYGRobHB0eHwABAgMEBQYHCAkKCwwNDg8AAAAAAAAAB5Lis32FIDWuLyGjUVhPDq8nay9afjsMVrEeVmmH8LSH"
    );
}

#[test]
fn a_token_is_valid_for_its_address_only() {
    let token = issuer().device_token(&device(), &email("ada@example.com"));

    assert_eq!(issuer().open_device_token(&token, &email("ADA@example.com")), Ok(device()));
    for other in ["bob@example.com", "ada@example.org", "a@example.com", "xada@example.com"] {
        assert_eq!(issuer().open_device_token(&token, &email(other)), Err(InvalidToken), "{other}");
    }
}

#[test]
fn a_device_has_proven_one_users_one_password() {
    assert!(device().has_proven(&credential(uuid(1), 3)));
    assert!(!device().has_proven(&credential(uuid(2), 3)), "another user");
    assert!(!device().has_proven(&credential(uuid(1), 4)), "another password");
}

#[test]
fn a_token_of_a_previous_seed_still_opens_and_one_of_an_unknown_seed_does_not() {
    let email = email("ada@example.com");
    let token = issuer().device_token(&device(), &email);

    assert_eq!(issuer_with(&seeds(NEXT, &[CURRENT])).open_device_token(&token, &email), Ok(device()));
    assert_eq!(issuer_with(&seeds(NEXT, &[])).open_device_token(&token, &email), Err(InvalidToken));
}

#[test]
fn a_refresh_token_cannot_be_used_as_a_device_token() {
    let presented = Presented {
        user_id: UserId::from_uuid(uuid(1)),
        session_id: SessionId::from_uuid(uuid(2)),
        generation: 0,
    };
    let refresh = issuer().refresh_token(presented);
    let renamed = Secret::from(refresh.expose().replace("gpr_", "gpd_"));

    for token in [refresh, renamed] {
        assert_eq!(issuer().open_device_token(&token, &email("ada@example.com")), Err(InvalidToken));
    }
}

proptest! {
    #[test]
    fn an_altered_token_is_refused(at in 0_usize..108, bit in 0_u8..7) {
        let email = email("ada@example.com");
        let mut token = issuer().device_token(&device(), &email).expose().as_bytes().to_vec();
        token[at] ^= 1 << bit;
        let altered = Secret::from(String::from_utf8(token).expect("ASCII"));
        prop_assert_eq!(issuer().open_device_token(&altered, &email), Err(InvalidToken));
    }

    #[test]
    fn no_text_is_a_token(text in "(gpd_)?\\PC{0,120}") {
        let email = email("ada@example.com");
        prop_assert_eq!(issuer().open_device_token(&Secret::from(text), &email), Err(InvalidToken));
    }
}
