//! `$default`: every request that matches no other route. `OPTIONS` returns the methods of the path, which
//! also answers a CORS preflight: API Gateway adds the headers. Other requests get a problem in JSON, unlike
//! the gateway's own error.

use std::collections::BTreeMap;

use api::{Allowed, Anonymous, Endpoint, Error, Nothing, Problem, ProblemType, Route, UseCase};
use cloud::{Cloud, SettingError};
use serde::{Deserialize, de::IgnoredAny};

/// The published contract, which has every route.
const CONTRACT: &str = include_str!("../../../openapi.json");
/// The methods of routes, in the order in which `Allow` lists them.
const METHODS: [(&str, &str); 5] =
    [("get", "GET, HEAD"), ("post", "POST"), ("put", "PUT"), ("patch", "PATCH"), ("delete", "DELETE")];

/// The function behind `$default`.
pub struct UnknownRoute {
    contract: Contract,
}

/// The part of the contract that names the routes.
#[derive(Deserialize)]
struct Contract {
    #[expect(clippy::zero_sized_map_values, reason = "only the names of the methods are read")]
    paths: BTreeMap<String, BTreeMap<String, IgnoredAny>>,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<UnknownRoute>, SettingError> {
    let contract = serde_json::from_str(CONTRACT);
    let contract = contract.map_err(|_| SettingError::new("openapi.json", "must be a contract"))?;
    Endpoint::public(cloud, UnknownRoute { contract })
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
        let of_path: Vec<_> =
            self.contract.paths.iter().filter(|(route, _)| has_shape(route, path)).collect();
        let has = |method: &str| of_path.iter().any(|(_, methods)| methods.contains_key(method));
        let listed = METHODS.iter().filter(|(method, _)| has(method)).map(|(_, allowed)| *allowed);
        let listed: Vec<_> = listed.chain(["OPTIONS"]).collect();
        (!of_path.is_empty()).then(|| listed.join(", "))
    }
}

/// Returns whether a path matches a route, in which `{…}` stands for any one segment.
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
