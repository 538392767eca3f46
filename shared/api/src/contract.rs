//! The contract in `OpenAPI` 3.1, generated from the types that parse the requests and write the responses.
//! No function calls it, so their binaries do not contain it.

use std::collections::BTreeMap;

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    Answer, Caller, Input, Method, ProblemType, Route, UseCase,
    endpoint::problems_of,
    oauth, problem,
    spec::{RequestSpec, ResponseSpec, header},
};

/// The `OpenAPI` document of an API.
pub struct Contract {
    inputs: SchemaGenerator,
    outputs: SchemaGenerator,
    paths: Map<String, Value>,
    /// The problem responses by the slugs of their problems.
    refusals: Map<String, Value>,
}

impl Default for Contract {
    fn default() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        let inputs = settings.clone().for_deserialize().with(|settings| settings.inline_subschemas = true);
        let outputs = settings.for_serialize().into_generator();
        Self { inputs: inputs.into_generator(), outputs, paths: Map::new(), refusals: Map::new() }
    }
}

impl Contract {
    /// Adds the operations of a use case. `id` is its name, `summary` one line, `description` the rest.
    pub fn add<U: UseCase>(&mut self, id: &str, summary: &str, description: &str) {
        for (number, route) in U::ROUTES.iter().enumerate() {
            let id = if number == 0 { id.to_owned() } else { format!("{id}-{}", number + 1) };
            let mut operation = self.operation::<U>(route);
            operation["operationId"] = json!(id);
            operation["summary"] = json!(summary);
            if !description.is_empty() {
                operation["description"] = json!(description);
            }
            let path = self.paths.entry(route.path).or_insert_with(|| json!({}));
            path[route.method.name().to_ascii_lowercase()] = operation;
        }
    }

    fn operation<U: UseCase>(&mut self, route: &Route) -> Value {
        let mut request = RequestSpec { generator: &mut self.inputs, parameters: Vec::new(), body: None };
        U::Request::describe(&mut request);
        let RequestSpec { mut parameters, body, .. } = request;
        with_path(route.path, &mut parameters);
        let generator = &mut self.outputs;
        let mut response = ResponseSpec { generator, headers: Map::new(), content: Map::new() };
        U::Response::describe(&mut response);
        response.headers.insert("x-correlation-id".to_owned(), header("x-correlation-id"));
        parameters.push(parameter("x-correlation-id"));
        if route.takes_idempotency_key {
            parameters.push(parameter("idempotency-key"));
        }
        if route.method.changes() && problems_of::<U>().contains(&ProblemType::VersionConflict) {
            parameters.push(parameter("if-match"));
        }
        // A redirect, or a page that posts the same.
        let answers_pages = U::IS_OAUTH && response.content.contains_key("text/html");
        let mut answer = json!({"description": "Success.", "headers": response.headers});
        if !response.content.is_empty() {
            answer["content"] = Value::Object(response.content);
        }
        let mut responses =
            if U::IS_OAUTH { self.oauth_refusals(answers_pages) } else { self.refusals(problems_of::<U>()) };
        if answers_pages {
            responses.insert("200".to_owned(), answer.clone());
        }
        responses.insert(U::Response::STATUS.to_string(), answer);
        let mut operation = json!({"parameters": parameters, "responses": responses});
        if let Some(mut body) = body {
            if route.method == Method::Patch {
                let content = &mut body["content"];
                content["application/merge-patch+json"] = content["application/json"].clone();
            }
            operation["requestBody"] = body;
        }
        if U::Caller::TAKES_TOKEN {
            operation["security"] = json!([{"access_token": []}]);
        }
        operation
    }

    /// Returns a response for each status of these problems. Operations share most of them.
    fn refusals(&mut self, problems: Vec<ProblemType>) -> Map<String, Value> {
        let response = |(status, problems): (u16, Vec<ProblemType>)| {
            let name = problems.iter().map(|problem| problem.slug()).collect::<Vec<_>>().join(".");
            let reference = json!({"$ref": format!("#/components/responses/{name}")});
            self.refusals.insert(name, refusal(&problems));
            (status.to_string(), reference)
        };
        by_status(problems).into_iter().map(response).collect()
    }

    /// Returns the response of the OAuth endpoints to all refused requests.
    fn oauth_refusals(&mut self, answers_pages: bool) -> Map<String, Value> {
        let schema = self.outputs.subschema_for::<oauth::Document>();
        let mut response = json!({
            "description": "An error of RFC 6749, section 5.2, or RFC 6750, section 3.",
            "headers": {"x-correlation-id": header("x-correlation-id")},
            "content": {"application/json": {"schema": schema}},
        });
        let mut name = "oauth-error";
        if answers_pages {
            name = "oauth-error-page";
            response["content"]["text/html"] = json!({});
        }
        self.refusals.insert(name.to_owned(), response);
        let statuses = ["400", "401", "403", "429", "500", "503"];
        let reference = json!({"$ref": format!("#/components/responses/{name}")});
        statuses.map(|status| (status.to_owned(), reference.clone())).into_iter().collect()
    }

    /// Returns the document.
    #[must_use]
    pub fn document(mut self, version: &str) -> Value {
        self.outputs.subschema_for::<problem::Document<'_>>();
        let example =
            |problem: &ProblemType| (problem.slug().to_owned(), json!({"value": problem::example(*problem)}));
        let examples: Map<_, _> = ProblemType::ALL.iter().map(example).collect();
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Gatepost",
                "version": version,
                "summary": "Identity you own: sign up, sign in, stay signed in, leave.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "paths": self.paths,
            "components": {
                "schemas": self.outputs.take_definitions(true),
                "parameters": parameters(),
                "headers": headers(),
                "examples": examples,
                "responses": self.refusals,
                "securitySchemes": {"access_token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The `access_token` of a grant.",
                }},
            },
        })
    }
}

/// Keeps the path parameters that this path has. Others belong to another route of the use case.
fn with_path(path: &str, parameters: &mut Vec<Value>) {
    let places = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let places: Vec<_> = places.collect();
    parameters.retain(|parameter| {
        parameter["in"] != "path" || places.iter().any(|place| parameter["name"] == *place)
    });
    for place in places {
        if !parameters.iter().any(|parameter| parameter["name"] == place) {
            let schema = json!({"type": "string"});
            parameters.push(json!({"name": place, "in": "path", "required": true, "schema": schema}));
        }
    }
}

/// Groups problems by status.
fn by_status(problems: Vec<ProblemType>) -> BTreeMap<u16, Vec<ProblemType>> {
    let mut by_status = BTreeMap::<_, Vec<_>>::new();
    for problem in problems {
        by_status.entry(problem.status()).or_default().push(problem);
    }
    by_status
}

/// Returns the response of these problems, which have the same status.
fn refusal(problems: &[ProblemType]) -> Value {
    let mut headers = json!({"x-correlation-id": header("x-correlation-id")});
    match problems.first().map(|problem| problem.status()) {
        Some(401) => headers["www-authenticate"] = header("www-authenticate"),
        Some(429 | 503) => headers["retry-after"] = header("retry-after"),
        _ => {}
    }
    let said = |problem: &ProblemType| format!("`{}`: {}.", problem.slug(), problem.title());
    let example = |problem: &ProblemType| {
        let example = format!("#/components/examples/{}", problem.slug());
        (problem.slug().to_owned(), json!({"$ref": example}))
    };
    let schema = json!({"$ref": "#/components/schemas/Problem"});
    let examples: Map<_, _> = problems.iter().map(example).collect();
    json!({
        "description": problems.iter().map(said).collect::<Vec<_>>().join(" "),
        "headers": headers,
        "content": {"application/problem+json": {"schema": schema, "examples": examples}},
    })
}

fn parameter(name: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{name}")})
}

fn parameters() -> Value {
    let of = |name: &str, description: &str, schema: Value| json!({"name": name, "in": "header", "required": false, "description": description, "schema": schema});
    json!({
        "idempotency-key": of(
            "idempotency-key",
            "A random key, such as a UUID version 4. For 24 hours, the same request with this key has one effect and one response.",
            json!({"type": "string", "minLength": 16, "maxLength": 255, "pattern": "^[!-~]+$"}),
        ),
        "if-match": of(
            "if-match",
            "An `etag`. The change is made only if the resource still has this version.",
            json!({"type": "string"}),
        ),
        "x-correlation-id": of(
            "x-correlation-id",
            "Identifies the request in the response, logs and events. A malformed id is replaced.",
            json!({"type": "string"}),
        ),
    })
}

fn headers() -> Value {
    let of = |description: &str, schema: Value| json!({"description": description, "schema": schema});
    json!({
        "cache-control": of("How long caches may keep the response.", json!({"type": "string"})),
        "etag": of("The version of the resource, for `if-match`.", json!({"type": "string"})),
        "location": of("The path of the new resource.", json!({"type": "string", "format": "uri-reference"})),
        "retry-after": of("The seconds after which to try again.", json!({"type": "integer", "minimum": 0})),
        "www-authenticate": of("RFC 6750, section 3.", json!({"type": "string"})),
        "x-correlation-id": of(
            "The id of the request, or a new one.",
            json!({"type": "string", "minLength": 8, "maxLength": 64}),
        ),
    })
}
