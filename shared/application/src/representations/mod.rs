//! The parts of requests and responses that several routes share: profiles, roles, grants and lists.

mod applicant;
mod grant;
mod list;
mod member;
mod profile;
mod profile_patch;
mod role;

pub use applicant::{parse_locale, parse_person};
pub use grant::{Grant, Grants, SigningKeys, issuing};
pub use list::{Cursors, InvalidLimit, Limit, List, Page};
pub use member::{Member, Never};
pub use profile::{Profile, attributes_schema};
pub use profile_patch::ProfilePatch;
pub use role::ShownRole;
