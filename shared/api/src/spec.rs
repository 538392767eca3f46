//! The parts of the contract that requests and responses describe themselves.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The request of one operation.
pub struct RequestSpec<'a> {
    pub(crate) generator: &'a mut SchemaGenerator,
    pub(crate) parameters: Vec<Value>,
    pub(crate) body: Option<Value>,
}

/// The successful response of one operation.
pub struct ResponseSpec<'a> {
    pub(crate) generator: &'a mut SchemaGenerator,
    pub(crate) headers: Map<String, Value>,
    pub(crate) content: Map<String, Value>,
}

impl RequestSpec<'_> {
    pub(crate) fn body<T: JsonSchema>(&mut self) {
        let schema = T::json_schema(self.generator);
        let content = json!({"application/json": {"schema": schema}});
        self.body = Some(json!({"required": true, "content": content}));
    }

    pub(crate) fn form<T: JsonSchema>(&mut self) {
        let schema = T::json_schema(self.generator);
        let content = json!({"application/x-www-form-urlencoded": {"schema": schema}});
        self.body = Some(json!({"required": true, "content": content}));
    }

    /// Adds the members of `T` as parameters.
    pub(crate) fn parameters<T: JsonSchema>(&mut self, place: &str) {
        let schema = T::json_schema(self.generator).to_value();
        let required = |name: &str| {
            let names = schema["required"].as_array().into_iter().flatten();
            place == "path" || names.into_iter().any(|required| required == name)
        };
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let mut member = member.clone();
            let description = member.as_object_mut().and_then(|member| member.remove("description"));
            let mut parameter =
                json!({"name": name, "in": place, "required": required(name), "schema": member});
            if let Some(description) = description {
                parameter["description"] = description;
            }
            self.parameters.push(parameter);
        }
    }
}

impl ResponseSpec<'_> {
    pub(crate) fn json<T: JsonSchema>(&mut self) {
        let schema = self.generator.subschema_for::<T>();
        self.content.insert("application/json".to_owned(), json!({"schema": schema}));
    }

    pub(crate) fn media(&mut self, media_types: &[&str]) {
        let any = |media_type: &&str| ((*media_type).to_owned(), json!({}));
        self.content.extend(media_types.iter().map(any));
    }

    pub(crate) fn versioned(&mut self) {
        self.headers.insert("etag".to_owned(), header("etag"));
    }

    pub(crate) fn placed(&mut self) {
        for name in ["location", "etag"] {
            self.headers.insert(name.to_owned(), header(name));
        }
    }

    pub(crate) fn redirected(&mut self) {
        self.headers.insert("location".to_owned(), header("location"));
        self.media(&["text/html"]);
    }

    pub(crate) fn cacheable(&mut self) {
        self.headers.insert("cache-control".to_owned(), header("cache-control"));
    }
}

/// Returns a reference to a header of the contract.
pub(crate) fn header(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}
