//! From an API Gateway event to a typed request, and from a refusal to problem+json.
//!
//! A [`UseCase`] says its routes, who may call it, what it takes and answers, and why it refuses.
//! An [`Endpoint`] serves it: it reads the event, admits the caller, parses the body, runs the use
//! case, and writes the answer. It is the boundary: what goes wrong is logged here, once, and never
//! answered.

mod access;
mod admission;
mod answer;
mod applicant;
mod caller;
mod contract;
mod endpoint;
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

pub use access::{AccessGate, SignedIn};
pub use admission::{Admission, NotAdmitted};
pub use answer::{
    Accepted, Allowed, Answer, Created, CreatedAt, NoContent, Picture, Public, Published, Shown, Versioned,
};
pub use applicant::{parse_locale, parse_person};
pub use caller::{Anyone, Caller, Head, Method, Route};
pub use contract::{Contract, Given, Taken};
pub use endpoint::{Endpoint, UseCase};
pub use grant::{Grant, issuing, warm};
pub use input::{Body, Input, Nothing, Parts, Path, Query};
pub use list::{CursorRefused, Cursors, Limit, List, OutOfRange, Page};
pub use member::{Member, Never};
pub use permitted::{EventsRead, Permitted, Right, RolesRead, RolesWrite, UsersRead, UsersWrite};
pub use problem::{FIELD_CODES, FieldProblem, Problem, ProblemType};
pub use profile::{Profile, attributes_schema};
pub use profile_patch::ProfilePatch;
pub use receipts::Receipts;
pub use role::ShownRole;
pub use trace::Trace;
