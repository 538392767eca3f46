//! Services that several use cases share, above the HTTP framework in `api`.
//!
//! [`admin`] changes users and roles on behalf of others; [`mail_request`] admits anonymous requests for a mail;
//! [`oauth`] has browser sessions, interactions and client authentication; [`password`] has the rules of new passwords and
//! the check of the current one; [`representations`] has the JSON that
//! more than one route sends or takes.

pub mod admin;
pub mod mail_request;
pub mod oauth;
pub mod password;
pub mod representations;
