//! The routes that the code names are those of the template, no more and no less.

use std::collections::BTreeSet;

use api::{Endpoint, Route};
use local::Stack;

/// The function of each folder that API Gateway calls, with the routes of its use case.
fn in_code() -> Vec<(&'static str, &'static [Route])> {
    vec![
        ("health", Endpoint::<health::Health>::routes()),
        ("log-in", Endpoint::<log_in::LogIn>::routes()),
        ("log-out", Endpoint::<log_out::LogOut>::routes()),
        ("publish-keys", Endpoint::<publish_keys::PublishKeys>::routes()),
        ("read-profile", Endpoint::<read_profile::ReadProfile>::routes()),
        ("refresh-session", Endpoint::<refresh_session::RefreshSession>::routes()),
        ("register", Endpoint::<register::Register>::routes()),
        ("resend-verification", Endpoint::<resend_verification::ResendVerification>::routes()),
        ("unknown-route", Endpoint::<unknown_route::UnknownRoute>::routes()),
        ("verify-registration", Endpoint::<verify_registration::VerifyRegistration>::routes()),
    ]
}

#[test]
fn the_template_has_the_routes_that_the_code_names() {
    let stack = Stack::memory().start().expect("the stack starts");
    let route_key = |route: &local::template::Route| match &route.method {
        Some(method) => format!("{method} {}", route.path),
        None => route.path.clone(),
    };
    let template: BTreeSet<_> =
        stack.template().routes.iter().map(|route| (route.function.clone(), route_key(route))).collect();

    let code = in_code()
        .into_iter()
        .flat_map(|(name, routes)| routes.iter().map(move |route| (name.to_owned(), route.to_string())));

    assert_eq!(template, code.collect());
}

#[test]
fn the_fallback_knows_every_route() {
    let stack = Stack::memory().start().expect("the stack starts");
    let known = &stack.template().functions["unknown-route"].settings["ROUTES"];
    let known: BTreeSet<_> = known.split(',').map(|route| route.trim().to_owned()).collect();

    let routes =
        in_code().into_iter().flat_map(|(_, routes)| routes).filter(|route| route.path != "$default");

    assert_eq!(known, routes.map(Route::to_string).collect());
}
