//! The functions that can run here: one line each.

use std::{future::Future, pin::Pin};

use cloud::{Cloud, Failed, Function, Invocation, SettingError, Shell};
use thiserror::Error;

/// Wires a function from its cloud.
pub type Build = fn(&Cloud) -> Result<Mounted, SettingError>;

/// Every function of the product, by the name of its folder.
pub const ALL: &[(&str, Build)] = &[
    ("change-email", |cloud| mount(change_email::function(cloud))),
    ("change-password", |cloud| mount(change_password::function(cloud))),
    ("count-users", |cloud| mount(count_users::function(cloud))),
    ("create-user", |cloud| mount(create_user::function(cloud))),
    ("delete-account", |cloud| mount(delete_account::function(cloud))),
    ("delete-role", |cloud| mount(delete_role::function(cloud))),
    ("delete-user", |cloud| mount(delete_user::function(cloud))),
    ("end-other-sessions", |cloud| mount(end_other_sessions::function(cloud))),
    ("end-session", |cloud| mount(end_session::function(cloud))),
    ("end-user-sessions", |cloud| mount(end_user_sessions::function(cloud))),
    ("erase-users", |cloud| mount(erase_users::function(cloud))),
    ("export-data", |cloud| mount(export_data::function(cloud))),
    ("grant-role", |cloud| mount(grant_role::function(cloud))),
    ("health", |cloud| mount(health::function(cloud))),
    ("list-roles", |cloud| mount(list_roles::function(cloud))),
    ("list-sessions", |cloud| mount(list_sessions::function(cloud))),
    ("list-users", |cloud| mount(list_users::function(cloud))),
    ("log-in", |cloud| mount(log_in::function(cloud))),
    ("log-out", |cloud| mount(log_out::function(cloud))),
    ("publish-contract", |cloud| mount(publish_contract::function(cloud))),
    ("publish-keys", |cloud| mount(publish_keys::function(cloud))),
    ("put-role", |cloud| mount(put_role::function(cloud))),
    ("reactivate-user", |cloud| mount(reactivate_user::function(cloud))),
    ("read-history", |cloud| mount(read_history::function(cloud))),
    ("read-profile", |cloud| mount(read_profile::function(cloud))),
    ("read-picture", |cloud| mount(read_picture::function(cloud))),
    ("read-upload-form", |cloud| mount(read_upload_form::function(cloud))),
    ("read-user", |cloud| mount(read_user::function(cloud))),
    ("read-user-history", |cloud| mount(read_user_history::function(cloud))),
    ("read-user-counts", |cloud| mount(read_user_counts::function(cloud))),
    ("read-role", |cloud| mount(read_role::function(cloud))),
    ("receive-canary", |cloud| mount(receive_canary::function(cloud))),
    ("refresh-session", |cloud| mount(refresh_session::function(cloud))),
    ("register", |cloud| mount(register::function(cloud))),
    ("relay-events", |cloud| mount(relay_events::function(cloud))),
    ("request-password-reset", |cloud| mount(request_password_reset::function(cloud))),
    ("resend-verification", |cloud| mount(resend_verification::function(cloud))),
    ("reset-password", |cloud| mount(reset_password::function(cloud))),
    ("revoke-role", |cloud| mount(revoke_role::function(cloud))),
    ("rotate-keys", |cloud| mount(rotate_keys::function(cloud))),
    ("send-mail", |cloud| mount(send_mail::function(cloud))),
    ("suspend-user", |cloud| mount(suspend_user::function(cloud))),
    ("sweep-events", |cloud| mount(sweep_events::function(cloud))),
    ("start-password-reset", |cloud| mount(start_password_reset::function(cloud))),
    ("suppress-address", |cloud| mount(suppress_address::function(cloud))),
    ("unknown-route", |cloud| mount(unknown_route::function(cloud))),
    ("update-profile", |cloud| mount(update_profile::function(cloud))),
    ("set-picture", |cloud| mount(set_picture::function(cloud))),
    ("update-user", |cloud| mount(update_user::function(cloud))),
    ("verify-email-change", |cloud| mount(verify_email_change::function(cloud))),
    ("verify-registration", |cloud| mount(verify_registration::function(cloud))),
    ("write-digest", |cloud| mount(write_digest::function(cloud))),
];

/// A function whose events and answers are JSON texts, as Lambda sees it.
pub struct Mounted(Box<dyn Erased>);

/// One environment of a function, as Lambda starts them.
pub struct Environment {
    name: String,
    function: Mounted,
    shell: Shell,
}

/// A call that has no answer.
#[derive(Debug, Error)]
pub enum CallFailed {
    /// There is no such function.
    #[error("there is no function {0}")]
    NoSuchFunction(String),
    /// The function cannot be wired.
    #[error("{0} does not start: {1}")]
    Unwired(String, String),
    /// The event is not what the function takes, or its answer is no JSON. Does not say more,
    /// since the texts of such errors hold values.
    #[error("{0} cannot read its event or write its answer")]
    Unreadable(String),
    /// The function says so.
    #[error("{0} failed: {1}")]
    Failed(String, Failed),
    /// The event exceeds the limit of an invocation's request.
    #[error("the event of {0} is too large for an invocation")]
    RequestTooLarge(String),
    /// The answer exceeds the limit of an invocation's response.
    #[error("the answer of {0} is too large for an invocation")]
    ResponseTooLarge(String),
    /// It panicked.
    #[error("{0} panicked")]
    Panicked(String),
    /// It did not answer in time.
    #[error("{0} did not answer in time")]
    TimedOut(String),
}

/// Mounts what a function's `function(&cloud)` made.
///
/// # Errors
/// The one of the function.
pub fn mount<F: Function>(function: Result<F, SettingError>) -> Result<Mounted, SettingError> {
    Ok(Mounted(Box::new(Typed(function?))))
}

impl Environment {
    /// Wires the function `name` from its cloud.
    ///
    /// # Errors
    /// If a setting is missing or unusable.
    pub fn start(name: &str, build: Build, cloud: &Cloud) -> Result<Self, CallFailed> {
        let unwired = |error: SettingError| CallFailed::Unwired(name.to_owned(), error.to_string());
        let function = build(cloud).map_err(unwired)?;
        Ok(Self { name: name.to_owned(), function, shell: Shell::of(cloud) })
    }

    pub(crate) async fn warm(&self) {
        self.function.0.warm().await;
    }

    /// Calls the function with the text of an event.
    ///
    /// # Errors
    /// If it cannot read the event, or fails.
    pub async fn call(&self, event: String, invocation: Invocation) -> Result<String, CallFailed> {
        let name = || self.name.clone();
        let call = self.function.0.call(event, invocation.clone());
        self.shell.around(&invocation, call).await.map_err(|failure| match failure {
            Failure::Unreadable => CallFailed::Unreadable(name()),
            Failure::Failed(failed) => CallFailed::Failed(name(), failed),
        })
    }
}

type Answering<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

trait Erased: Send + Sync {
    fn warm(&self) -> Answering<'_, ()>;
    fn call(&self, event: String, invocation: Invocation) -> Answering<'_, Result<String, Failure>>;
}

enum Failure {
    Unreadable,
    Failed(Failed),
}

struct Typed<F>(F);

impl<F: Function> Erased for Typed<F> {
    fn warm(&self) -> Answering<'_, ()> {
        Box::pin(self.0.warm())
    }

    fn call(&self, event: String, invocation: Invocation) -> Answering<'_, Result<String, Failure>> {
        Box::pin(async move {
            let event = serde_json::from_str(&event).map_err(|_| Failure::Unreadable)?;
            let answer = self.0.call(event, invocation).await.map_err(Failure::Failed)?;
            serde_json::to_string(&answer).map_err(|_| Failure::Unreadable)
        })
    }
}
