//! The parts of a request: body, query and path parameters. Errors of the parsers are neither returned nor
//! logged, because they quote the request.

use lambda_http::{Body as RawBody, RequestExt, aws_lambda_events::query_map::QueryMap};
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, value::MapDeserializer};
use serde_json::error::Category;
use zeroize::Zeroizing;

use crate::{FieldProblem, Head, Problem, ProblemType, RequestSpec, request::ApiRequest};

/// The request of a use case.
pub trait Input: Sized + Send {
    /// Parses the request.
    ///
    /// # Errors
    /// The problem to return.
    fn read(parts: &Parts) -> Result<Self, Problem>;

    /// Returns the problems of malformed requests.
    fn problems() -> Vec<ProblemType>;

    /// Describes the request for the contract.
    fn describe(spec: &mut RequestSpec<'_>);
}

/// The parts of a request besides its head.
pub struct Parts {
    method: String,
    content_type: Option<String>,
    body: Result<Zeroizing<Vec<u8>>, ProblemType>,
    query: String,
    path: QueryMap,
}

/// No input. Body and query are ignored.
pub struct Nothing;

/// One JSON object of at most 16 KiB in UTF-8. `DELETE` without a body counts as an empty object.
pub struct Body<T>(pub T);

/// A form, at most 16 KiB, as RFC 6749, appendix B, has it: a known parameter at most once, unknown ones ignored.
pub struct Form<T>(pub T);

/// The parameters of a `GET`'s query or a `POST`'s form, as they were sent.
pub struct RawParameters {
    /// Name and value of each.
    pub pairs: Vec<(String, String)>,
    /// Whether they were in a form.
    pub is_form: bool,
}

/// The query parameters, each at most once and none unknown.
pub struct Query<T>(pub T);

/// The path parameters of the route.
pub struct Path<T>(pub T);

impl Parts {
    pub(crate) fn of(request: ApiRequest, head: &Head) -> Self {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let path = request.extensions().path_parameters();
        let body = request.into_body().map(|body| match body {
            RawBody::Text(text) => text.into_bytes(),
            RawBody::Binary(octets) => octets,
            _ => Vec::new(),
        });
        Self {
            method: head.method.clone(),
            content_type: head.content_type.clone(),
            body: body.map(Zeroizing::new),
            query,
            path,
        }
    }

    /// Returns the query in its original form.
    pub(crate) fn query(&self) -> &str {
        &self.query
    }

    /// Returns the body; empty if it cannot be read.
    pub(crate) fn body(&self) -> &[u8] {
        self.body.as_ref().map_or(&[], |body| body)
    }
}

impl Input for Nothing {
    fn read(_parts: &Parts) -> Result<Self, Problem> {
        Ok(Self)
    }

    fn problems() -> Vec<ProblemType> {
        Vec::new()
    }

    fn describe(_: &mut RequestSpec<'_>) {}
}

impl<T: DeserializeOwned + JsonSchema + Send> Input for Body<T> {
    fn read(parts: &Parts) -> Result<Self, Problem> {
        body(parts).map(Self)
    }

    fn problems() -> Vec<ProblemType> {
        vec![
            ProblemType::MalformedJson,
            ProblemType::PayloadTooLarge,
            ProblemType::UnsupportedMediaType,
            ProblemType::ValidationFailed,
        ]
    }

    fn describe(spec: &mut RequestSpec<'_>) {
        spec.body::<T>();
    }
}

impl<T: DeserializeOwned + JsonSchema + Send> Input for Form<T> {
    fn read(parts: &Parts) -> Result<Self, Problem> {
        let form = serde_html_form::from_bytes(form(parts)?);
        form.map(Self).map_err(|_| Problem::of(ProblemType::ValidationFailed))
    }

    fn problems() -> Vec<ProblemType> {
        vec![ProblemType::PayloadTooLarge, ProblemType::UnsupportedMediaType, ProblemType::ValidationFailed]
    }

    fn describe(spec: &mut RequestSpec<'_>) {
        spec.form::<T>();
    }
}

impl Input for RawParameters {
    fn read(parts: &Parts) -> Result<Self, Problem> {
        let is_form = parts.method != "GET";
        let text = if is_form { form(parts)? } else { parts.query.as_bytes() };
        let pairs = serde_html_form::from_bytes(text);
        let pairs = pairs.map_err(|_| Problem::of(ProblemType::ValidationFailed))?;
        Ok(Self { pairs, is_form })
    }

    fn problems() -> Vec<ProblemType> {
        vec![ProblemType::PayloadTooLarge, ProblemType::UnsupportedMediaType, ProblemType::ValidationFailed]
    }

    fn describe(_: &mut RequestSpec<'_>) {}
}

impl<T: DeserializeOwned + JsonSchema + Send> Input for Query<T> {
    fn read(parts: &Parts) -> Result<Self, Problem> {
        let pairs = serde_html_form::Deserializer::from_bytes(parts.query.as_bytes());
        serde_path_to_error::deserialize(pairs)
            .map(Self)
            .map_err(|error| Problem::fields(vec![unacceptable(error.path())]))
    }

    fn problems() -> Vec<ProblemType> {
        vec![ProblemType::ValidationFailed]
    }

    fn describe(spec: &mut RequestSpec<'_>) {
        spec.parameters::<T>("query");
    }
}

impl<T: DeserializeOwned + JsonSchema + Send> Input for Path<T> {
    /// Maps malformed parameters to a missing resource.
    fn read(parts: &Parts) -> Result<Self, Problem> {
        T::deserialize(MapDeserializer::<_, serde::de::value::Error>::new(parts.path.iter()))
            .map(Self)
            .map_err(|_| Problem::of(ProblemType::NotFound))
    }

    fn problems() -> Vec<ProblemType> {
        vec![ProblemType::NotFound]
    }

    fn describe(spec: &mut RequestSpec<'_>) {
        spec.parameters::<T>("path");
    }
}

impl<A: Input, B: Input> Input for (A, B) {
    fn read(parts: &Parts) -> Result<Self, Problem> {
        Ok((A::read(parts)?, B::read(parts)?))
    }

    fn problems() -> Vec<ProblemType> {
        [A::problems(), B::problems()].concat()
    }

    fn describe(spec: &mut RequestSpec<'_>) {
        A::describe(spec);
        B::describe(spec);
    }
}

fn body<T: DeserializeOwned>(parts: &Parts) -> Result<T, Problem> {
    if parts.method == "DELETE" && parts.body.as_ref().is_ok_and(|body| body.is_empty()) {
        return object(b"{}");
    }
    if !is_json(parts) {
        return Err(Problem::of(ProblemType::UnsupportedMediaType));
    }
    let octets = parts.body.as_ref().map_err(|kind| Problem::of(*kind))?;
    object(octets)
}

fn form(parts: &Parts) -> Result<&[u8], Problem> {
    let content_type = parts.content_type.as_deref().unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Problem::of(ProblemType::UnsupportedMediaType));
    }
    match &parts.body {
        Ok(body) => Ok(body),
        Err(kind) => Err(Problem::of(*kind)),
    }
}

fn object<T: DeserializeOwned>(octets: &[u8]) -> Result<T, Problem> {
    // serde accepts an array for a struct. Only objects are permitted.
    if octets.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::of(ProblemType::MalformedJson));
    }
    let deserializer = &mut serde_json::Deserializer::from_slice(octets);
    let parsed = serde_path_to_error::deserialize(&mut *deserializer).map_err(|error| {
        if error.inner().classify() == Category::Data {
            Problem::fields(vec![unacceptable(error.path())])
        } else {
            Problem::of(ProblemType::MalformedJson)
        }
    })?;
    deserializer.end().map_err(|_| Problem::of(ProblemType::MalformedJson))?;
    Ok(parsed)
}

/// Returns the pointer of an error. The error of a missing field points to its object.
fn unacceptable(path: &serde_path_to_error::Path) -> FieldProblem {
    // Unknown names are text of the client, which is not returned. The pointer refers to their object.
    let known = |segment: &serde_path_to_error::Segment| match segment {
        serde_path_to_error::Segment::Map { key }
            if key.len() <= 32 && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') =>
        {
            Some(format!("/{key}"))
        }
        serde_path_to_error::Segment::Seq { index } => Some(format!("/{index}")),
        _ => None,
    };
    FieldProblem {
        pointer: path.iter().map_while(known).collect(),
        code: ProblemType::ValidationFailed.slug(),
        detail: "has the wrong type, or a field is unknown, missing or repeated".to_owned(),
    }
}

/// Returns whether the body is JSON, or for `PATCH` the JSON of RFC 7396. Parameters of the media type are
/// ignored: JSON is UTF-8 and defines none (RFC 8259, sections 8.1 and 11).
fn is_json(parts: &Parts) -> bool {
    let content_type = parts.content_type.as_deref().unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
        || parts.method == "PATCH" && media_type.eq_ignore_ascii_case("application/merge-patch+json")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        email: String,
        name: Option<String>,
    }

    fn refusal(body: &str) -> ProblemType {
        object::<Wanted>(body.as_bytes()).expect_err("a refusal").kind()
    }

    #[test]
    fn only_one_object_with_the_known_fields_is_accepted() {
        assert!(object::<Wanted>(br#" {"email":"a","name":null} "#).is_ok());
        for malformed in [
            "",
            "[\"a\",null]",
            "\"a\"",
            "null",
            "{",
            "{\"email\":\"a\"}{}",
            "{\"email\":\"a\",}",
            "{\"email\":\"\u{0}\"}",
        ] {
            assert_eq!(refusal(malformed), ProblemType::MalformedJson, "{malformed:?}");
        }
        assert_eq!(
            object::<Wanted>(b"{\"email\":\"\xff\"}").expect_err("a refusal").kind(),
            ProblemType::MalformedJson
        );
        for unacceptable in ["{}", r#"{"email":1}"#, r#"{"email":"a","x":1}"#, r#"{"email":"a","email":"b"}"#]
        {
            assert_eq!(refusal(unacceptable), ProblemType::ValidationFailed, "{unacceptable}");
        }
    }

    fn parts(method: &str, content_type: Option<&str>) -> Parts {
        Parts {
            method: method.to_owned(),
            content_type: content_type.map(str::to_owned),
            body: Ok(Zeroizing::default()),
            query: String::new(),
            path: QueryMap::default(),
        }
    }

    #[test]
    fn a_content_type_other_than_json_is_refused() {
        for json in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;",
            "application/json ;charset=utf8",
            "application/json; charset=latin1",
            "application/json; odata.metadata=minimal; q=\"a;b\"",
        ] {
            assert!(is_json(&parts("POST", Some(json))), "{json}");
        }
        for other in
            [None, Some(""), Some("text/plain"), Some("application/jsonp"), Some("; application/json")]
        {
            assert!(!is_json(&parts("POST", other)), "{other:?}");
        }
        let merge_patch = Some("application/merge-patch+json");
        assert!(is_json(&parts("PATCH", merge_patch)));
        assert!(!is_json(&parts("POST", merge_patch)));
    }

    #[test]
    fn a_query_has_known_parameters_once_and_of_their_type() {
        #[derive(Debug, Deserialize, JsonSchema, PartialEq)]
        #[serde(deny_unknown_fields)]
        struct Page {
            limit: Option<u8>,
            cursor: Option<String>,
        }
        let read = |query: &str| {
            let parts = Parts { query: query.to_owned(), ..parts("GET", None) };
            Query::<Page>::read(&parts).map(|Query(page)| page)
        };

        let page = read("limit=7&cursor=a%2Bb").expect("a page");
        assert_eq!(page, Page { limit: Some(7), cursor: Some("a+b".to_owned()) });
        assert!(read("").is_ok());
        for refused in ["limit=x", "limit=300", "limit=1&limit=2", "other=1"] {
            assert_eq!(read(refused).expect_err(refused).kind(), ProblemType::ValidationFailed, "{refused}");
        }
    }

    #[test]
    fn path_parameters_are_parsed() {
        #[derive(Debug, Deserialize, JsonSchema)]
        struct Of {
            id: String,
        }
        let read = |name: &str| {
            let path = HashMap::from([(name.to_owned(), "x".to_owned())]).into();
            Path::<Of>::read(&Parts { path, ..parts("GET", None) }).map(|Path(of)| of.id)
        };
        assert_eq!(read("id").expect("an id"), "x");
        assert_eq!(read("other").expect_err("no id").kind(), ProblemType::NotFound);
    }
}
