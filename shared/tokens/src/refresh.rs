//! Refresh tokens: the sealed generation of a session.

use domain::{Presented, Secret, Seeds, SessionId, UserId};
use uuid::Uuid;

use crate::{
    InvalidToken, RefreshTokenError,
    sealed::{Kind, Seals},
};

const KIND: Kind = Kind { prefix: "gpr_", label: b"gatepost/1/refresh-token" };
/// User id, session id and generation. With key id and MAC a multiple of three bytes, so that base64url has
/// no spare bits.
const CLAIMS: usize = 16 + 16 + 8;

#[derive(Clone)]
pub(crate) struct RefreshKeys(Seals);

impl RefreshKeys {
    pub(crate) fn derive(seeds: &Seeds) -> Self {
        Self(Seals::derive(KIND, seeds))
    }

    pub(crate) fn seal(&self, Presented { user_id, session_id, generation }: Presented) -> Secret {
        let mut claims = [0; CLAIMS];
        claims[..16].copy_from_slice(user_id.uuid().as_bytes());
        claims[16..32].copy_from_slice(session_id.uuid().as_bytes());
        claims[32..].copy_from_slice(&generation.to_be_bytes());
        self.0.seal(&claims, &[])
    }

    pub(crate) fn open(&self, token: &Secret) -> Result<Presented, RefreshTokenError> {
        let claims = self.0.open::<CLAIMS>(token, &[])?;
        read(&claims).ok_or(RefreshTokenError::Forged(InvalidToken))
    }
}

fn read(claims: &[u8; CLAIMS]) -> Option<Presented> {
    let (user_id, rest) = claims.split_first_chunk()?;
    let (session_id, generation) = rest.split_first_chunk()?;
    Some(Presented {
        user_id: UserId::from_uuid(Uuid::from_bytes(*user_id)),
        session_id: SessionId::from_uuid(Uuid::from_bytes(*session_id)),
        generation: u64::from_be_bytes(generation.try_into().ok()?),
    })
}
