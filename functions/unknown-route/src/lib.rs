//! `$default`: whatever no other route takes. The gateway's own answer would be no problem+json.

use api::{Anyone, Endpoint, NoContent, Nothing, Problem, ProblemType, Route, UseCase};
use cloud::{Cloud, SettingError};
use thiserror::Error;

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
    Endpoint::reading(cloud, UnknownRoute { routes })
}

/// Why nothing is here.
#[derive(Debug, Error)]
pub enum Refusal {
    /// No route has the path.
    #[error("no such path")]
    NotFound,
    /// The path has these methods only.
    #[error("no such method")]
    MethodNotAllowed(String),
}

impl UseCase for UnknownRoute {
    const ROUTES: &'static [Route] = &[Route::fallback()];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound, ProblemType::MethodNotAllowed];
    type Caller = Anyone;
    type Request = Nothing;
    type Response = NoContent;
    type Refusal = Refusal;

    fn gate(&self) -> &() {
        &()
    }

    async fn run(&self, caller: Anyone, _: Nothing) -> Result<NoContent, Refusal> {
        let of_path = self.routes.iter().filter(|(_, path)| has_shape(path, &caller.head.path));
        let methods: Vec<_> = of_path.map(|(method, _)| method.as_str()).collect();
        Err(if methods.is_empty() {
            Refusal::NotFound
        } else {
            Refusal::MethodNotAllowed(methods.join(", "))
        })
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

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::of(ProblemType::NotFound),
            Refusal::MethodNotAllowed(methods) => Self::method_not_allowed(methods),
        }
    }
}
