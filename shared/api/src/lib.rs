//! The HTTP framework: from an API Gateway event to a typed request, and from a refusal to problem+json.
//!
//! A [`UseCase`] declares its routes, caller, request, response and problems. An [`Endpoint`] serves it: it
//! parses the event, checks the caller, parses the body, runs the use case, and writes the response. It owns
//! the checks of callers, the stored responses of idempotent requests, the clock and the ids. An internal
//! failure is logged here once and never returned.

mod access;
mod admission;
mod answer;
mod caller;
mod contract;
mod endpoint;
mod error;
mod grant_bearer;
mod head;
mod idempotency;
mod input;
mod navigation;
mod oauth;
mod permitted;
mod problem;
mod request;
mod route;
mod spec;
mod stored_response;
mod trace;

pub use access::{AccessGate, Authenticated};
pub use admission::Admission;
pub use answer::{
    Accepted, Allowed, Answer, Created, CreatedAt, CreatedWithCookie, Json, NoContent, Picture, Public,
    Published, WithEtag,
};
pub use caller::{Anonymous, Caller};
pub use contract::Contract;
pub use endpoint::{Endpoint, UseCase};
pub use error::Error;
pub use grant_bearer::GrantBearer;
pub use head::Head;
pub use input::{Body, Form, Input, Nothing, Parts, Path, Query, RawParameters};
pub use navigation::{Navigation, WebPage};
pub use oauth::OauthError;
pub use permitted::{
    Authorized, EventsRead, RequiredPermission, RolesRead, RolesWrite, UsersRead, UsersWrite,
};
pub use problem::{FIELD_CODES, FieldProblem, Problem, ProblemType};
pub use route::{Method, Route};
pub use spec::{RequestSpec, ResponseSpec};
pub use trace::Trace;
