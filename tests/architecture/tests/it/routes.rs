//! The register, the template, the fallback and `cargo lambda watch` have the same routes.

use std::{collections::BTreeSet, fmt::Write as _, fs};

use api::Route;
use local::{Request, Stack, functions::ALL};
use stage::Stage;

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
const ROUTER: &str = "[workspace.metadata.lambda.watch.router]\n";

/// Returns each route of the API with the folder of its function.
fn in_code() -> impl Iterator<Item = (&'static str, &'static Route)> {
    ALL.iter().flat_map(|function| {
        let routes = function.endpoint.map(|endpoint| endpoint.routes).unwrap_or_default();
        routes.iter().map(move |route| (function.name, route))
    })
}

/// Returns the method in a route's key, such as `GET /v1/me`.
fn method(route: &Route) -> String {
    let key = route.to_string();
    key.split_once(' ').map_or(key.as_str(), |(method, _)| method).to_owned()
}

#[test]
fn the_template_has_the_routes_that_the_code_names() {
    let stack = Stack::memory().start().expect("the stack starts");
    let template: BTreeSet<_> =
        stack.template().routes.iter().map(|route| (route.function.clone(), route.key())).collect();

    let code = in_code().flat_map(|(name, route)| keys(route).map(move |key| (name.to_owned(), key)));

    assert_eq!(template, code.collect());
}

/// Returns the keys of a route. A reading route also accepts `HEAD`.
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

#[tokio::test]
async fn the_fallback_knows_every_route() {
    let stage = Stage::new();
    for (_, route) in in_code().filter(|(_, route)| route.path != "$default") {
        let path = route.path.replace(['{', '}'], "");
        let allowed = stage.send(Request::new("OPTIONS", &path)).await.expect(204);
        let allowed: Vec<_> = allowed.header("allow").split(", ").collect();
        assert!(allowed.contains(&method(route).as_str()), "{route}: {allowed:?}");
    }
}

/// Returns the router of `cargo lambda watch`: the paths in order, each with its methods.
fn router() -> String {
    let mut paths: Vec<_> =
        in_code().map(|(_, route)| route.path).filter(|path| *path != "$default").collect();
    paths.sort_unstable();
    paths.dedup();
    let mut text = ROUTER.to_owned();
    for path in paths {
        let of_path = in_code().filter(|(_, route)| route.path == path);
        let methods = of_path
            .map(|(name, route)| format!("{{ method = \"{}\", function = \"{name}\" }}", method(route)));
        let _ = writeln!(text, "\"{path}\" = [{}]", methods.collect::<Vec<_>>().join(", "));
    }
    text + "\"/{*path}\" = \"unknown-route\"\n"
}

/// `REGENERATE=1 cargo test --package architecture routes` writes it.
#[test]
fn the_router_of_cargo_lambda_watch_is_that_of_the_register() {
    let manifest = fs::read_to_string(WORKSPACE).expect("a manifest");
    let (before, written) = manifest.split_once(ROUTER).expect("a router");
    let (written, after) = written
        .split_once("\n\n")
        .map_or((written, String::new()), |(written, after)| (written, format!("\n{after}")));
    if std::env::var_os("REGENERATE").is_some() {
        fs::write(WORKSPACE, before.to_owned() + &router() + &after).expect("the manifest is written");
        return;
    }
    let written = format!("{ROUTER}{}\n", written.trim_end());
    assert!(written == router(), "the router in Cargo.toml is stale: REGENERATE=1 writes it");
}
