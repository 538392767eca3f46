//! CloudFormation's intrinsic functions, with what they mean on this machine.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    error::TemplateError,
    names::{ACCOUNT, REGION, arn},
};

/// The parameters that do not have their default locally.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    /// What somebody chose; a parameter that the template does not have is refused.
    pub chosen: BTreeMap<String, String>,
    /// What follows from running on this machine.
    pub local: BTreeMap<String, String>,
}

/// What references of one template resolve to.
pub(super) struct Scope {
    /// Parameters: a local value, or the default.
    parameters: BTreeMap<String, Value>,
    conditions: Map<String, Value>,
    /// Logical id and type of every resource.
    resources: BTreeMap<String, String>,
}

impl Scope {
    pub(super) fn new(template: &Value, given: &Parameters) -> Result<Self, TemplateError> {
        let fields = |name: &str| template[name].as_object().cloned().unwrap_or_default();
        let mut parameters = BTreeMap::new();
        for (name, parameter) in fields("Parameters") {
            let value =
                given.chosen.get(&name).or_else(|| given.local.get(&name)).cloned().map(Value::String);
            let Some(value) = value.or_else(|| parameter.get("Default").cloned()) else {
                return Err(TemplateError::new(format!(
                    "the parameter {name} has no value to run with locally"
                )));
            };
            parameters.insert(name, value);
        }
        if let Some(unknown) = given.chosen.keys().find(|name| !parameters.contains_key(*name)) {
            return Err(TemplateError::new(format!("it has no parameter {unknown}")));
        }
        let kind = |resource: &Value| resource["Type"].as_str().unwrap_or_default().to_owned();
        let resources =
            fields("Resources").iter().map(|(id, resource)| (id.clone(), kind(resource))).collect();
        Ok(Self { parameters, conditions: fields("Conditions"), resources })
    }

    /// The value with all functions applied; `None` if it is `AWS::NoValue`.
    pub(super) fn resolve(&self, value: &Value) -> Result<Option<Value>, TemplateError> {
        match value {
            Value::Object(fields) => {
                if let Some((name, argument)) = function(fields) {
                    return self.apply(name, argument);
                }
                let mut resolved = Map::new();
                for (name, value) in fields {
                    if let Some(value) = self.resolve(value)? {
                        resolved.insert(name.clone(), value);
                    }
                }
                Ok(Some(Value::Object(resolved)))
            }
            Value::Array(items) => {
                let resolved = items.iter().map(|item| self.resolve(item)).collect::<Result<Vec<_>, _>>()?;
                Ok(Some(Value::Array(resolved.into_iter().flatten().collect())))
            }
            plain => Ok(Some(plain.clone())),
        }
    }

    /// Whether the named condition holds.
    pub(super) fn holds(&self, condition: &str) -> Result<bool, TemplateError> {
        let definition = self.conditions.get(condition);
        let definition =
            definition.ok_or_else(|| TemplateError::new(format!("there is no condition {condition}")))?;
        match self.resolve(definition)? {
            Some(Value::Bool(holds)) => Ok(holds),
            _ => Err(TemplateError::new(format!("the condition {condition} is neither true nor false"))),
        }
    }

    fn apply(&self, name: &str, argument: &Value) -> Result<Option<Value>, TemplateError> {
        match (name, argument) {
            ("Ref", Value::String(id)) => self.reference(id),
            ("Condition", Value::String(id)) => self.holds(id).map(|holds| Some(Value::Bool(holds))),
            ("Fn::GetAtt", Value::Array(path)) => match path.as_slice() {
                [Value::String(id), Value::String(attribute)] => self.attribute(id, attribute).map(Some),
                _ => Err(unusable(name)),
            },
            ("Fn::Sub", Value::String(text)) => self.substitute(text, &Map::new()).map(Some),
            ("Fn::Sub", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(text), Value::Object(own)] => self.substitute(text, own).map(Some),
                _ => Err(unusable(name)),
            },
            ("Fn::If", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(condition), then, otherwise] => {
                    self.resolve(if self.holds(condition)? { then } else { otherwise })
                }
                _ => Err(unusable(name)),
            },
            ("Fn::Equals", Value::Array(parts)) => match parts.as_slice() {
                [left, right] => {
                    let texts = (self.resolve(left)?.map(text_of), self.resolve(right)?.map(text_of));
                    Ok(Some(Value::Bool(texts.0 == texts.1)))
                }
                _ => Err(unusable(name)),
            },
            ("Fn::Split", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(separator), text] => {
                    let text = self.resolve(text)?.map(text_of).unwrap_or_default();
                    Ok(Some(text.split(separator.as_str()).collect()))
                }
                _ => Err(unusable(name)),
            },
            ("Fn::Not", Value::Array(parts)) => match self.resolve(parts.first().unwrap_or(&Value::Null))? {
                Some(Value::Bool(holds)) => Ok(Some(Value::Bool(!holds))),
                _ => Err(unusable(name)),
            },
            _ => Err(TemplateError::new(format!("the function {name} is not implemented locally"))),
        }
    }

    fn reference(&self, id: &str) -> Result<Option<Value>, TemplateError> {
        let pseudo = match id {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => Some(REGION),
            "AWS::AccountId" => Some(ACCOUNT),
            "AWS::Partition" => Some("aws"),
            "AWS::StackName" => Some("gatepost"),
            "AWS::URLSuffix" => Some("amazonaws.com"),
            _ => None,
        };
        if let Some(value) = pseudo {
            return Ok(Some(Value::String(value.to_owned())));
        }
        if let Some(value) = self.parameters.get(id) {
            return Ok(Some(value.clone()));
        }
        // Locally a resource is named as the template names it.
        let known = self.resources.contains_key(id).then(|| Some(Value::String(id.to_owned())));
        known.ok_or_else(|| TemplateError::new(format!("`{id}` is neither a parameter nor a resource")))
    }

    fn attribute(&self, id: &str, attribute: &str) -> Result<Value, TemplateError> {
        let unknown = || TemplateError::new(format!("the attribute {id}.{attribute} is not known locally"));
        let kind = self.resources.get(id).ok_or_else(unknown)?;
        let value = match attribute {
            "Arn" | "EventBusArn" => arn(kind, id),
            "StreamArn" => Some(format!("{}/stream/local", arn(kind, id).ok_or_else(unknown)?)),
            "QueueName" | "TableName" | "Name" => Some(id.to_owned()),
            _ => None,
        };
        value.map(Value::String).ok_or_else(unknown)
    }

    fn substitute(&self, text: &str, own: &Map<String, Value>) -> Result<Value, TemplateError> {
        let mut parts = text.split("${");
        let mut result = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').ok_or_else(|| unusable("Fn::Sub"))?;
            let value = match (own.get(name), name.split_once('.'), name.strip_prefix('!')) {
                (Some(value), ..) => self.resolve(value)?,
                (None, _, Some(literal)) => Some(Value::String(format!("${{{literal}}}"))),
                (None, Some((id, attribute)), None) => Some(self.attribute(id, attribute)?),
                (None, None, None) => self.reference(name)?,
            };
            result.push_str(&text_of(value.unwrap_or_default()));
            result.push_str(rest);
        }
        Ok(Value::String(result))
    }
}

/// The one entry of a mapping, if that is a call of a function.
fn function(fields: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = fields.iter().next().filter(|_| fields.len() == 1)?;
    let is_function =
        name == "Ref" || name.starts_with("Fn::") || (name == "Condition" && argument.is_string());
    is_function.then_some((name.as_str(), argument))
}

/// CloudFormation's parameters and variables are texts, whatever they look like.
pub(super) fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn unusable(name: &str) -> TemplateError {
    TemplateError::new(format!("{name} cannot be used with these arguments"))
}
