//! The HTTP framework: from an API Gateway event to a typed request, and from a refusal to problem+json.
//!
//! A [`UseCase`] declares its routes, caller, request, response and problems. An [`Endpoint`] serves it: it
//! parses the event, checks the caller, parses the body, runs the use case, and writes the response. It owns
//! the checks of callers, the stored responses of idempotent requests, the clock and the ids. An internal
//! failure is logged here once and never returned.

mod access;
mod admission;
mod answer;
mod applicant;
mod caller;
mod contract;
mod endpoint;
mod error;
mod grant;
mod input;
mod list;
mod member;
mod permitted;
mod problem;
mod profile;
mod profile_patch;
mod receipts;
mod request;
mod role;
mod trace;
mod user_path;

pub use access::{AccessGate, Authenticated};
pub use admission::Admission;
pub use answer::{
    Accepted, Allowed, Answer, Created, CreatedAt, Json, NoContent, Picture, Public, Published, WithEtag,
};
pub use applicant::{parse_locale, parse_person};
pub use caller::{Anonymous, Caller, Head, Method, Route};
pub use contract::{Contract, Given, Taken};
pub use endpoint::{Endpoint, UseCase};
pub use error::Error;
pub use grant::{Grant, Grants, SigningKeys, issuing};
pub use input::{Body, Input, Nothing, Parts, Path, Query};
pub use list::{Cursors, Limit, List, OutOfRange, Page};
pub use member::{Member, Never};
pub use permitted::{
    Authorized, EventsRead, RequiredPermission, RolesRead, RolesWrite, UsersRead, UsersWrite,
};
pub use problem::{FIELD_CODES, FieldProblem, Problem, ProblemType};
pub use profile::{Profile, attributes_schema};
pub use profile_patch::ProfilePatch;
pub use role::{RolePath, ShownRole};
pub use trace::Trace;
pub use user_path::UserPath;
