//! `$default`: every request without a route of its own. `OPTIONS` is answered with the methods of the path,
//! which is also the preflight of a cross-origin request: API Gateway adds the headers of CORS. Other
//! requests are refused, as problem+json unlike the gateway's own refusal.

use api::{Allowed, Anonymous, Endpoint, Error, Nothing, Problem, ProblemType, Route, UseCase};
use cloud::{Cloud, SettingError};

/// Refuses.
pub struct UnknownRoute {
    /// Every route of the API, as `METHOD /path`.
    routes: Vec<(String, String)>,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<UnknownRoute>, SettingError> {
    let routes = cloud.settings().text("ROUTES")?;
    let route =
        |text: &str| text.trim().split_once(' ').map(|(method, path)| (method.to_owned(), path.to_owned()));
    let routes: Option<_> = routes.split(',').map(route).collect();
    let routes = routes.ok_or(SettingError::new("ROUTES", "must be a list such as `GET /a, POST /b`"))?;
    Endpoint::public(cloud, UnknownRoute { routes })
}

impl UseCase for UnknownRoute {
    const ROUTES: &'static [Route] = &[Route::fallback()];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound, ProblemType::MethodNotAllowed];
    type Caller = Anonymous;
    type Request = Nothing;
    type Response = Allowed;

    async fn run(&self, caller: Self::Caller, _: Self::Request) -> Result<Self::Response, Error> {
        let methods = self.methods(&caller.head.path).ok_or(ProblemType::NotFound)?;
        if caller.head.method == "OPTIONS" {
            Ok(Allowed(methods))
        } else {
            Err(Problem::method_not_allowed(methods).into())
        }
    }
}

impl UnknownRoute {
    /// Returns the methods of a path, as `Allow` lists them; `None` if no route has the path.
    fn methods(&self, path: &str) -> Option<String> {
        let of_path = self.routes.iter().filter(|(_, route)| has_shape(route, path));
        let listed = of_path.map(|(method, _)| match method.as_str() {
            "GET" => "GET, HEAD",
            other => other,
        });
        let listed: Vec<_> = listed.collect();
        (!listed.is_empty()).then(|| [&listed[..], &["OPTIONS"]].concat().join(", "))
    }
}

/// Whether a path is of a route's, in which `{…}` stands for any one segment.
fn has_shape(route: &str, path: &str) -> bool {
    let (mut ours, mut theirs) = (route.split('/'), path.split('/'));
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return true,
            (Some(ours), Some(theirs)) if ours == theirs || ours.starts_with('{') && !theirs.is_empty() => {}
            _ => return false,
        }
    }
}
