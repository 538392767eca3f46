//! From an API Gateway event to a typed request, and from a refusal to problem+json.
//!
//! A [`UseCase`] says its routes, who may call it, what it takes and answers, and why it refuses.
//! An [`Endpoint`] serves it: it reads the event, admits the caller, parses the body, runs the use
//! case, and writes the answer. It is the boundary: what goes wrong is logged here, once, and never
//! answered.

mod access;
mod answer;
mod body;
mod caller;
mod endpoint;
mod gateway;
mod grant;
mod problem;
mod profile;

pub use access::{AccessGate, SignedIn};
pub use answer::{Accepted, Answer, Created, NoContent, Public, Shown};
pub use body::Nothing;
pub use caller::{Anyone, Caller, Head, Method, Route, Trace};
pub use endpoint::{Endpoint, UseCase};
pub use gateway::{GatewayAnswer, GatewayEvent};
pub use grant::{Grant, issuing};
pub use problem::{FieldProblem, Problem, ProblemType};
pub use profile::Profile;
