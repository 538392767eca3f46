//! The register of the functions: one line each.

use std::{future::Future, pin::Pin};

use api::{Contract, Route, UseCase};
use cloud::{Cloud, Function, Invocation, InvocationError, SettingError, Shell};
use thiserror::Error;

/// Wires a function from its cloud.
pub type Build = fn(&Cloud) -> Result<Mounted, SettingError>;

/// A function of the product.
#[derive(Clone, Copy)]
pub struct Registered {
    /// The name of its folder.
    pub name: &'static str,
    /// Wires it.
    pub build: Build,
    /// Its part of the API, if API Gateway calls it.
    pub endpoint: Option<Operations>,
}

/// The part of the API that one function answers.
#[derive(Clone, Copy)]
pub struct Operations {
    /// Its routes.
    pub routes: &'static [Route],
    /// Adds its operations to a contract, with their id, summary and description.
    pub describe: fn(&mut Contract, &str, &str, &str),
}

/// The register: every function of the product, one line each. The laptop mounts them, and the architecture tests
/// compare folders, template, contract and the router of `cargo lambda watch` with it.
#[rustfmt::skip]
pub const ALL: &[Registered] = &[
    endpoint::<answer_interaction::AnswerInteraction>("answer-interaction", |cloud| mount(answer_interaction::function(cloud))),
    endpoint::<authorize::Authorize>("authorize", |cloud| mount(authorize::function(cloud))),
    endpoint::<change_email::ChangeEmail>("change-email", |cloud| mount(change_email::function(cloud))),
    endpoint::<change_password::ChangePassword>("change-password", |cloud| mount(change_password::function(cloud))),
    consumer("count-users", |cloud| mount(count_users::function(cloud))),
    endpoint::<create_user::CreateUser>("create-user", |cloud| mount(create_user::function(cloud))),
    endpoint::<delete_account::DeleteAccount>("delete-account", |cloud| mount(delete_account::function(cloud))),
    endpoint::<delete_role::DeleteRole>("delete-role", |cloud| mount(delete_role::function(cloud))),
    endpoint::<delete_user::DeleteUser>("delete-user", |cloud| mount(delete_user::function(cloud))),
    endpoint::<end_other_sessions::EndOtherSessions>("end-other-sessions", |cloud| mount(end_other_sessions::function(cloud))),
    endpoint::<end_session::EndSession>("end-session", |cloud| mount(end_session::function(cloud))),
    endpoint::<end_user_sessions::EndUserSessions>("end-user-sessions", |cloud| mount(end_user_sessions::function(cloud))),
    consumer("erase-users", |cloud| mount(erase_users::function(cloud))),
    endpoint::<export_data::ExportData>("export-data", |cloud| mount(export_data::function(cloud))),
    endpoint::<grant_role::GrantRole>("grant-role", |cloud| mount(grant_role::function(cloud))),
    endpoint::<health::Health>("health", |cloud| mount(health::function(cloud))),
    endpoint::<issue_tokens::IssueTokens>("issue-tokens", |cloud| mount(issue_tokens::function(cloud))),
    endpoint::<list_roles::ListRoles>("list-roles", |cloud| mount(list_roles::function(cloud))),
    endpoint::<list_sessions::ListSessions>("list-sessions", |cloud| mount(list_sessions::function(cloud))),
    endpoint::<list_users::ListUsers>("list-users", |cloud| mount(list_users::function(cloud))),
    endpoint::<log_in::LogIn>("log-in", |cloud| mount(log_in::function(cloud))),
    endpoint::<log_out::LogOut>("log-out", |cloud| mount(log_out::function(cloud))),
    endpoint::<publish_contract::PublishContract>("publish-contract", |cloud| mount(publish_contract::function(cloud))),
    endpoint::<publish_keys::PublishKeys>("publish-keys", |cloud| mount(publish_keys::function(cloud))),
    endpoint::<put_role::PutRole>("put-role", |cloud| mount(put_role::function(cloud))),
    endpoint::<reactivate_user::ReactivateUser>("reactivate-user", |cloud| mount(reactivate_user::function(cloud))),
    endpoint::<read_history::ReadHistory>("read-history", |cloud| mount(read_history::function(cloud))),
    endpoint::<read_picture::ReadPicture>("read-picture", |cloud| mount(read_picture::function(cloud))),
    endpoint::<read_profile::ReadProfile>("read-profile", |cloud| mount(read_profile::function(cloud))),
    endpoint::<read_role::ReadRole>("read-role", |cloud| mount(read_role::function(cloud))),
    endpoint::<read_upload_form::ReadUploadForm>("read-upload-form", |cloud| mount(read_upload_form::function(cloud))),
    endpoint::<read_user::ReadUser>("read-user", |cloud| mount(read_user::function(cloud))),
    endpoint::<read_user_counts::ReadUserCounts>("read-user-counts", |cloud| mount(read_user_counts::function(cloud))),
    endpoint::<read_user_history::ReadUserHistory>("read-user-history", |cloud| mount(read_user_history::function(cloud))),
    endpoint::<read_userinfo::ReadUserinfo>("read-userinfo", |cloud| mount(read_userinfo::function(cloud))),
    consumer("receive-canary", |cloud| mount(receive_canary::function(cloud))),
    endpoint::<refresh_session::RefreshSession>("refresh-session", |cloud| mount(refresh_session::function(cloud))),
    endpoint::<register::Register>("register", |cloud| mount(register::function(cloud))),
    consumer("relay-events", |cloud| mount(relay_events::function(cloud))),
    endpoint::<request_password_reset::RequestPasswordReset>("request-password-reset", |cloud| mount(request_password_reset::function(cloud))),
    endpoint::<resend_verification::ResendVerification>("resend-verification", |cloud| mount(resend_verification::function(cloud))),
    endpoint::<reset_password::ResetPassword>("reset-password", |cloud| mount(reset_password::function(cloud))),
    endpoint::<revoke_role::RevokeRole>("revoke-role", |cloud| mount(revoke_role::function(cloud))),
    endpoint::<revoke_token::RevokeToken>("revoke-token", |cloud| mount(revoke_token::function(cloud))),
    consumer("rotate-keys", |cloud| mount(rotate_keys::function(cloud))),
    consumer("send-mail", |cloud| mount(send_mail::function(cloud))),
    endpoint::<set_picture::SetPicture>("set-picture", |cloud| mount(set_picture::function(cloud))),
    endpoint::<show_pages::ShowPages>("show-pages", |cloud| mount(show_pages::function(cloud))),
    endpoint::<start_password_reset::StartPasswordReset>("start-password-reset", |cloud| mount(start_password_reset::function(cloud))),
    consumer("suppress-address", |cloud| mount(suppress_address::function(cloud))),
    endpoint::<suspend_user::SuspendUser>("suspend-user", |cloud| mount(suspend_user::function(cloud))),
    consumer("sweep-events", |cloud| mount(sweep_events::function(cloud))),
    endpoint::<unknown_route::UnknownRoute>("unknown-route", |cloud| mount(unknown_route::function(cloud))),
    endpoint::<update_profile::UpdateProfile>("update-profile", |cloud| mount(update_profile::function(cloud))),
    endpoint::<update_user::UpdateUser>("update-user", |cloud| mount(update_user::function(cloud))),
    endpoint::<verify_email_change::VerifyEmailChange>("verify-email-change", |cloud| mount(verify_email_change::function(cloud))),
    endpoint::<verify_registration::VerifyRegistration>("verify-registration", |cloud| mount(verify_registration::function(cloud))),
    endpoint::<withdraw_consent::WithdrawConsent>("withdraw-consent", |cloud| mount(withdraw_consent::function(cloud))),
    consumer("write-digest", |cloud| mount(write_digest::function(cloud))),
];

/// Registers a function that API Gateway calls.
const fn endpoint<U: UseCase>(name: &'static str, build: Build) -> Registered {
    let operations = Operations { routes: U::ROUTES, describe: Contract::add::<U> };
    Registered { name, build, endpoint: Some(operations) }
}

/// Registers a function that events, queues or schedules call.
const fn consumer(name: &'static str, build: Build) -> Registered {
    Registered { name, build, endpoint: None }
}

/// Returns how the function of this folder is wired.
#[must_use]
pub fn build_of(name: &str) -> Option<Build> {
    ALL.iter().find(|function| function.name == name).map(|function| function.build)
}

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
    Failed(String, InvocationError),
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
    Failed(InvocationError),
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
