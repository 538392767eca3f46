//! Which route takes a request: the most specific one, as API Gateway decides.

use std::collections::BTreeMap;

use crate::template::{Route, TemplateError};

/// All routes of the API.
pub(crate) struct Router(Vec<Compiled>);

struct Compiled {
    route: Route,
    segments: Vec<Segment>,
}

/// More specific ones are greater.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Greedy(String),
    Parameter(String),
    Exactly(String),
}

/// A route and what its parameters are.
pub(crate) struct Found<'a> {
    pub(crate) route: &'a Route,
    pub(crate) parameters: BTreeMap<String, String>,
}

const DEFAULT: &str = "$default";

impl Router {
    pub(crate) fn new(routes: &[Route]) -> Result<Self, TemplateError> {
        let compiled = routes.iter().map(|route| {
            let segments = if route.path == DEFAULT { Vec::new() } else { segments(&route.path)? };
            Ok(Compiled { route: route.clone(), segments })
        });
        Ok(Self(compiled.collect::<Result<_, _>>()?))
    }

    pub(crate) fn find(&self, method: &str, path: &str) -> Option<Found<'_>> {
        let of_method =
            self.0.iter().filter(|compiled| compiled.route.method.as_deref().is_none_or(|m| m == method));
        let matching = of_method.filter_map(|compiled| {
            let is_default = compiled.route.path == DEFAULT;
            let parameters = if is_default { BTreeMap::new() } else { match_path(&compiled.segments, path)? };
            Some((compiled, parameters))
        });
        // By path first, then a route with a method before one for any; $default has no segments.
        let rank = |compiled: &Compiled| -> (Vec<u8>, bool) {
            let specificity = compiled.segments.iter().map(|segment| match segment {
                Segment::Greedy(_) => 1,
                Segment::Parameter(_) => 2,
                Segment::Exactly(_) => 3,
            });
            (specificity.collect(), compiled.route.method.is_some())
        };
        let (compiled, parameters) = matching.max_by_key(|(compiled, _)| rank(compiled))?;
        Some(Found { route: &compiled.route, parameters })
    }
}

fn segments(path: &str) -> Result<Vec<Segment>, TemplateError> {
    let unusable = || TemplateError::new(format!("the path {path} is no route"));
    let parts: Vec<&str> = path.strip_prefix('/').ok_or_else(unusable)?.split('/').collect();
    let last = parts.len() - 1;
    let segment =
        |(position, part): (usize, &&str)| match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) if position == last => Ok(Segment::Greedy(name.to_owned())),
                Some(_) => Err(unusable()),
                None => Ok(Segment::Parameter(name.to_owned())),
            },
            None if part.contains(['{', '}']) => Err(unusable()),
            None => Ok(Segment::Exactly((*part).to_owned())),
        };
    parts.iter().enumerate().map(segment).collect()
}

fn match_path(segments: &[Segment], path: &str) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut rest = Some(path.strip_prefix('/')?);
    for segment in segments {
        let here = rest?;
        let (part, after) = here.split_once('/').map_or((here, None), |(part, after)| (part, Some(after)));
        match segment {
            Segment::Exactly(text) if text == part => {}
            Segment::Parameter(name) if !part.is_empty() => {
                parameters.insert(name.clone(), percent_decoded(part));
            }
            Segment::Greedy(name) if !here.is_empty() => {
                parameters.insert(name.clone(), percent_decoded(here));
                return Some(parameters);
            }
            _ => return None,
        }
        rest = after;
    }
    rest.is_none().then_some(parameters)
}

/// What is no `%XX` stays as it is.
pub(super) fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while position < bytes.len() {
        let code = text.get(position + 1..position + 3).filter(|_| bytes[position] == b'%');
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            decoded.push(byte);
            position += 3;
        } else {
            decoded.push(bytes[position]);
            position += 1;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(routes: &[&str]) -> Router {
        let routes: Vec<_> = routes
            .iter()
            .map(|key| {
                let (method, path) = key.split_once(' ').map_or((None, *key), |(m, p)| (Some(m), p));
                let method = method.filter(|method| *method != "ANY").map(str::to_owned);
                Route { method, path: path.to_owned(), function: (*key).to_owned() }
            })
            .collect();
        Router::new(&routes).expect("routes")
    }

    fn found(router: &Router, method: &str, path: &str) -> String {
        router.find(method, path).map(|found| found.route.function.clone()).unwrap_or_default()
    }

    #[test]
    fn the_most_specific_route_wins() {
        let router = router(&[
            "$default",
            "ANY /v1/{proxy+}",
            "GET /v1/users/{id}",
            "GET /v1/users/me",
            "ANY /v1/users/me",
            "GET /v1/users/{id}/events",
        ]);
        assert_eq!(found(&router, "GET", "/v1/users/me"), "GET /v1/users/me");
        assert_eq!(found(&router, "PUT", "/v1/users/me"), "ANY /v1/users/me");
        assert_eq!(found(&router, "GET", "/v1/users/7"), "GET /v1/users/{id}");
        assert_eq!(found(&router, "PUT", "/v1/users/7"), "ANY /v1/{proxy+}");
        assert_eq!(found(&router, "GET", "/v1/users/7/events"), "GET /v1/users/{id}/events");
        assert_eq!(found(&router, "GET", "/v1/users/"), "ANY /v1/{proxy+}");
        assert_eq!(found(&router, "GET", "/v1"), "$default");
        assert_eq!(found(&router, "GET", "/"), "$default");
    }

    #[test]
    fn parameters_are_decoded() {
        let router = router(&["GET /a/{id}", "GET /b/{rest+}"]);
        let parameter =
            |path| router.find("GET", path).and_then(|found| found.parameters.into_values().next());
        assert_eq!(parameter("/a/x%20y%zz%C3%A9"), Some("x y%zzé".to_owned()));
        assert_eq!(parameter("/b/x/y"), Some("x/y".to_owned()));
    }
}
