//! Device tokens: a device that a user has logged in with, sealed for their address. They grant no access.
//! The guesses of attackers do not slow down a device with a token.

use domain::{CanonicalEmail, Credential, DeviceId, Secret, Seeds, UserId};
use uuid::Uuid;

use crate::sealed::{Kind, Seals};

const KIND: Kind = Kind { prefix: "gpd_", label: b"gatepost/1/device-token" };
/// Device id, user id and version of the credential. With key id and MAC a multiple of three bytes, so that
/// base64url has no spare bits.
const CLAIMS: usize = 16 + 16 + 8;

/// A device that a user has logged in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    id: DeviceId,
    user_id: UserId,
    credential_version: u64,
}

impl KnownDevice {
    /// Creates the device `id`, on which the password of `credential` was entered.
    #[must_use]
    pub const fn new(id: DeviceId, credential: &Credential) -> Self {
        Self { id, user_id: credential.user_id, credential_version: credential.version }
    }

    /// Returns the id of the device.
    #[must_use]
    pub const fn id(&self) -> DeviceId {
        self.id
    }

    /// Returns whether the password of exactly this credential was entered. A token of another user, or from
    /// before a change, does not count. Otherwise every earlier log-in would allow further guesses after a
    /// change.
    #[must_use]
    pub fn has_proven(&self, credential: &Credential) -> bool {
        self.user_id == credential.user_id && self.credential_version == credential.version
    }
}

#[derive(Clone)]
pub(crate) struct DeviceKeys(Seals);

impl DeviceKeys {
    pub(crate) fn derive(seeds: &Seeds) -> Self {
        Self(Seals::derive(KIND, seeds))
    }

    pub(crate) fn seal(&self, device: &KnownDevice, email: &CanonicalEmail) -> Secret {
        let mut claims = [0; CLAIMS];
        claims[..16].copy_from_slice(device.id.uuid().as_bytes());
        claims[16..32].copy_from_slice(device.user_id.uuid().as_bytes());
        claims[32..].copy_from_slice(&device.credential_version.to_be_bytes());
        self.0.seal(&claims, email.as_str().as_bytes())
    }

    pub(crate) fn open(&self, token: &Secret, email: &CanonicalEmail) -> Option<KnownDevice> {
        let claims = self.0.open::<CLAIMS>(token, email.as_str().as_bytes()).ok()?;
        let (id, rest) = claims.split_first_chunk()?;
        let (user_id, version) = rest.split_first_chunk()?;
        Some(KnownDevice {
            id: DeviceId::from_uuid(Uuid::from_bytes(*id)),
            user_id: UserId::from_uuid(Uuid::from_bytes(*user_id)),
            credential_version: u64::from_be_bytes(version.try_into().ok()?),
        })
    }
}
