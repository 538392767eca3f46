//! What the functions of OAuth 2.1 and OpenID Connect share.

mod browser;
mod claims;
mod client_authentication;
mod interaction;

pub use browser::{Browser, SignedInBrowser};
pub use claims::claims;
pub use client_authentication::PresentedClient;
pub use interaction::Interaction;
