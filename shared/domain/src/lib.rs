//! The rules of Gatepost, without I/O.
//!
//! Values are parsed once, at the edge, into types that cannot hold anything else. Decisions are plain
//! functions of values and return the event of the change. The crate has no I/O, no async, no clock and no
//! random source: time and randomness are arguments.

mod administered;
mod attempts;
mod attributes;
mod authority;
mod canary;
#[cfg(test)]
mod catalogue;
mod credential;
mod device_family;
mod digest;
mod email;
mod envelope;
mod event;
mod id;
mod link;
mod locale;
mod name;
mod newcomer;
pub mod oauth;
mod password;
mod password_reset;
mod public_key;
mod receipt;
mod registration;
mod ring;
mod role;
mod seeds;
mod session;
mod signing_algorithm;
mod stated_reason;
mod status_name;
mod time;
mod transition;
mod user;

pub use attempts::{Attempts, RateLimit};
pub use attributes::{
    Accessor, Attribute, AttributeChanges, Attributes, AttributesSchema, InvalidAttribute, InvalidSchema,
};
pub use authority::{Authority, NoAuthority};
pub use canary::Canary;
pub use credential::Credential;
pub use device_family::DeviceFamily;
pub use digest::{Digest, Standing, UserChange, UsersByStatus, Week};
pub use email::{CanonicalEmail, Email, InvalidEmail};
pub use envelope::{Detail, Envelope, InvalidEnvelope};
pub use event::{Actor, Event, EventContext, EventKind, Person, SessionEnd, Stream};
pub use id::{
    ClientSecretId, DeviceId, EventId, GrantId, Id, PictureId, RegistrationId, ResendId, ResetId, SessionId,
    UserId,
};
pub use link::{Link, LinkHash, Purpose};
pub use locale::{InvalidLocale, Locale};
pub use name::{InvalidName, Name};
pub use newcomer::{Hashes, Newcomer};
pub use password::{
    BreachCheck, InvalidPassword, NewPassword, OwnWords, Password, PasswordHash, PasswordPolicy, Secret,
};
pub use password_reset::PasswordResetRequest;
pub use public_key::PublicKey;
pub use receipt::{Receipt, ReceiptId};
pub use registration::{Applicant, PasswordRequired, Registration, RegistrationTokenHash, ResendRequest};
pub use ring::{KeyState, Ring, RingKey, StillSigns};
pub use role::{InvalidPermission, InvalidRoleName, Permission, Rights, Role, RoleName, Roles};
pub use seeds::{InvalidSeeds, KeyMaterial, PepperSeeds, Seed, Seeds};
pub use session::{
    EndedSession, NewSession, Presented, RefreshError, Session, SessionKind, SessionLimits, StartedSession,
};
pub use signing_algorithm::{InvalidSigningAlgorithm, SigningAlgorithm};
pub use stated_reason::{InvalidReason, StatedReason};
pub use status_name::StatusName;
pub use time::{InvalidTimestamp, Timestamp};
pub use transition::{CredentialTransition, Transition};
pub use user::{Change, Client, ProfileChange, Status, Tombstone, TooManyRoles, User};
