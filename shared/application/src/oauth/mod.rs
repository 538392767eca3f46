//! Browser sessions, interactions and client authentication, which the functions of OAuth 2.1 share.

mod browser;
mod claims;
mod client_authentication;
mod grant_end;
mod interaction;

pub use browser::{Browser, SignedInBrowser};
pub use claims::claims;
pub use client_authentication::PresentedClient;
pub use grant_end::end_grant;
pub use interaction::Interaction;
