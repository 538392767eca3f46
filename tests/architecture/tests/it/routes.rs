//! The routes that the code names are those of the template, no more and no less.

use std::collections::BTreeSet;

use api::{Contract, Route, UseCase};
use local::Stack;

/// A function that API Gateway calls.
pub(crate) struct Listed {
    /// Its folder.
    pub(crate) name: &'static str,
    routes: &'static [Route],
    /// Adds its operations to a contract.
    pub(crate) add: fn(&mut Contract, &str, &str, &str),
}

fn listed<U: UseCase>(name: &'static str) -> Listed {
    Listed { name, routes: U::ROUTES, add: Contract::add::<U> }
}

/// The function of each folder that API Gateway calls.
pub(crate) fn in_code() -> Vec<Listed> {
    vec![
        listed::<change_email::ChangeEmail>("change-email"),
        listed::<change_password::ChangePassword>("change-password"),
        listed::<create_user::CreateUser>("create-user"),
        listed::<delete_account::DeleteAccount>("delete-account"),
        listed::<delete_role::DeleteRole>("delete-role"),
        listed::<delete_user::DeleteUser>("delete-user"),
        listed::<end_other_sessions::EndOtherSessions>("end-other-sessions"),
        listed::<end_session::EndSession>("end-session"),
        listed::<end_user_sessions::EndUserSessions>("end-user-sessions"),
        listed::<export_data::ExportData>("export-data"),
        listed::<grant_role::GrantRole>("grant-role"),
        listed::<health::Health>("health"),
        listed::<list_roles::ListRoles>("list-roles"),
        listed::<list_sessions::ListSessions>("list-sessions"),
        listed::<list_users::ListUsers>("list-users"),
        listed::<log_in::LogIn>("log-in"),
        listed::<log_out::LogOut>("log-out"),
        listed::<publish_contract::PublishContract>("publish-contract"),
        listed::<publish_keys::PublishKeys>("publish-keys"),
        listed::<put_role::PutRole>("put-role"),
        listed::<reactivate_user::ReactivateUser>("reactivate-user"),
        listed::<read_history::ReadHistory>("read-history"),
        listed::<read_profile::ReadProfile>("read-profile"),
        listed::<read_picture::ReadPicture>("read-picture"),
        listed::<read_upload_form::ReadUploadForm>("read-upload-form"),
        listed::<set_picture::SetPicture>("set-picture"),
        listed::<read_user::ReadUser>("read-user"),
        listed::<read_user_history::ReadUserHistory>("read-user-history"),
        listed::<read_user_counts::ReadUserCounts>("read-user-counts"),
        listed::<read_role::ReadRole>("read-role"),
        listed::<refresh_session::RefreshSession>("refresh-session"),
        listed::<register::Register>("register"),
        listed::<request_password_reset::RequestPasswordReset>("request-password-reset"),
        listed::<resend_verification::ResendVerification>("resend-verification"),
        listed::<reset_password::ResetPassword>("reset-password"),
        listed::<revoke_role::RevokeRole>("revoke-role"),
        listed::<start_password_reset::StartPasswordReset>("start-password-reset"),
        listed::<suspend_user::SuspendUser>("suspend-user"),
        listed::<unknown_route::UnknownRoute>("unknown-route"),
        listed::<update_profile::UpdateProfile>("update-profile"),
        listed::<update_user::UpdateUser>("update-user"),
        listed::<verify_email_change::VerifyEmailChange>("verify-email-change"),
        listed::<verify_registration::VerifyRegistration>("verify-registration"),
    ]
}

#[test]
fn the_template_has_the_routes_that_the_code_names() {
    let stack = Stack::memory().start().expect("the stack starts");
    let template: BTreeSet<_> =
        stack.template().routes.iter().map(|route| (route.function.clone(), route.key())).collect();

    let code = in_code().into_iter().flat_map(|listed| {
        listed
            .routes
            .iter()
            .flat_map(move |route| keys(route).map(|key| (listed.name.to_owned(), key)).collect::<Vec<_>>())
    });

    assert_eq!(template, code.collect());
}

/// The keys of a route: one that reads takes `HEAD`, too.
fn keys(route: &Route) -> impl Iterator<Item = String> {
    let key = route.to_string();
    let head = key.strip_prefix("GET ").map(|path| format!("HEAD {path}"));
    [Some(key), head].into_iter().flatten()
}

#[test]
fn a_flood_of_one_kind_of_anonymous_request_does_not_starve_the_others() {
    let stack = Stack::memory().start().expect("the stack starts");
    let apart: BTreeSet<_> = stack.template().throttled_apart.iter().map(String::as_str).collect();

    for route in [
        "$default",
        "GET /.well-known/jwks.json",
        "GET /.well-known/openid-configuration",
        "POST /v1/password-resets",
        "POST /v1/registrations",
        "POST /v1/registrations/resend",
        "POST /v1/sessions",
        "POST /v1/sessions/refresh",
    ] {
        assert!(apart.contains(route), "{route} shares its throttle");
    }
}

#[test]
fn the_fallback_knows_every_route() {
    let stack = Stack::memory().start().expect("the stack starts");
    let known = &stack.template().functions["unknown-route"].settings["ROUTES"];
    let known: BTreeSet<_> = known.split(',').map(|route| route.trim().to_owned()).collect();

    let routes =
        in_code().into_iter().flat_map(|listed| listed.routes).filter(|route| route.path != "$default");

    assert_eq!(known, routes.map(Route::to_string).collect());
}
