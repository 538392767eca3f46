//! The bytes of refresh tokens and cookies.

use domain::{GrantId, Presented, SessionId, UserId, oauth::PresentedGrant};
use uuid::Uuid;

const ID: usize = 16;
const GENERATION: usize = 8;
/// User, session, generation.
const SESSION: usize = 2 * ID + GENERATION;
/// User, session, grant, generation.
const GRANT: usize = 3 * ID + GENERATION;

pub(super) fn write_session(presented: Presented) -> [u8; SESSION] {
    let mut bytes = [0; SESSION];
    bytes[..ID].copy_from_slice(presented.user_id.uuid().as_bytes());
    bytes[ID..2 * ID].copy_from_slice(presented.session_id.uuid().as_bytes());
    bytes[2 * ID..].copy_from_slice(&presented.generation.to_be_bytes());
    bytes
}

pub(super) fn read_session(bytes: &[u8; SESSION]) -> Option<Presented> {
    let (user_id, rest) = bytes.split_first_chunk()?;
    let (session_id, generation) = rest.split_first_chunk()?;
    Some(Presented {
        user_id: UserId::from_uuid(Uuid::from_bytes(*user_id)),
        session_id: SessionId::from_uuid(Uuid::from_bytes(*session_id)),
        generation: u64::from_be_bytes(generation.try_into().ok()?),
    })
}

pub(super) fn write_grant(presented: PresentedGrant) -> [u8; GRANT] {
    let mut bytes = [0; GRANT];
    bytes[..ID].copy_from_slice(presented.user_id.uuid().as_bytes());
    bytes[ID..2 * ID].copy_from_slice(presented.session_id.uuid().as_bytes());
    bytes[2 * ID..3 * ID].copy_from_slice(presented.grant_id.uuid().as_bytes());
    bytes[3 * ID..].copy_from_slice(&presented.generation.to_be_bytes());
    bytes
}

pub(super) fn read_grant(bytes: &[u8; GRANT]) -> Option<PresentedGrant> {
    let (user_id, rest) = bytes.split_first_chunk()?;
    let (session_id, rest) = rest.split_first_chunk()?;
    let (grant_id, generation) = rest.split_first_chunk()?;
    Some(PresentedGrant {
        user_id: UserId::from_uuid(Uuid::from_bytes(*user_id)),
        session_id: SessionId::from_uuid(Uuid::from_bytes(*session_id)),
        grant_id: GrantId::from_uuid(Uuid::from_bytes(*grant_id)),
        generation: u64::from_be_bytes(generation.try_into().ok()?),
    })
}
