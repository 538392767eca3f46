//! From the template's resources to what runs. Properties are read strictly: what is neither
//! implemented nor listed as without effect locally is refused.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    browsers::{API_WITHOUT_EFFECT, ApiProperties, BUCKET_WITHOUT_EFFECT, BucketProperties},
    error::TemplateError,
    intrinsics::{Scope, text_of},
    model::{DeployedFunction, Template},
    sources::{self, EventSource},
    stored,
};

/// Types that have no effect on one machine.
const WITHOUT_EFFECT: &[&str] = &[
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::S3::BucketPolicy",
    "AWS::SES::ConfigurationSet",
    "AWS::SES::ConfigurationSetEventDestination",
    "AWS::SQS::QueuePolicy",
];

pub(super) fn read(document: &Value, scope: &Scope) -> Result<Template, TemplateError> {
    let mut template = Template::default();
    let resources = document["Resources"].as_object().filter(|resources| !resources.is_empty());
    let resources = resources.ok_or_else(|| TemplateError::new("it has no Resources".to_owned()))?;
    let globals = Properties::new(&document["Globals"]["Function"], scope, FUNCTION_WITHOUT_EFFECT)
        .and_then(Properties::into::<FunctionProperties>)
        .map_err(|error| error.within("Globals.Function"))?;
    for (id, resource) in resources {
        if let Some(condition) = resource["Condition"].as_str()
            && !scope.holds(condition)?
        {
            continue;
        }
        add(&mut template, id, resource, &globals, scope).map_err(|error| error.within(id))?;
    }
    Ok(template)
}

fn add(
    template: &mut Template,
    id: &str,
    resource: &Value,
    globals: &FunctionProperties,
    scope: &Scope,
) -> Result<(), TemplateError> {
    let properties = |without_effect| Properties::new(&resource["Properties"], scope, without_effect);
    match resource["Type"].as_str().unwrap_or_default() {
        "AWS::Serverless::Function" => {
            add_function(template, id, properties(FUNCTION_WITHOUT_EFFECT)?.into()?, globals)
        }
        "AWS::Serverless::HttpApi" => {
            let api: ApiProperties = properties(API_WITHOUT_EFFECT)?.into()?;
            (template.cors, template.throttled_apart) = (api.cors, api.throttled_apart);
            Ok(())
        }
        "AWS::S3::Bucket" => {
            let bucket: BucketProperties = properties(BUCKET_WITHOUT_EFFECT)?.into()?;
            let rule = bucket.cors_configuration.map(|cors| cors.cors_rules);
            template.bucket_cors.extend(rule.into_iter().flatten().map(|rule| (id.to_owned(), rule)));
            Ok(())
        }
        "AWS::Events::EventBus"
        | "AWS::EventsV2::EventBus"
        | "AWS::EventsV2::Subscriber"
        | "AWS::Events::Rule" => add_of_events(template, id, resource, scope),
        "AWS::DynamoDB::Table" => {
            template
                .tables
                .insert(id.to_owned(), stored::table(id, properties(stored::TABLE_WITHOUT_EFFECT)?.0)?);
            Ok(())
        }
        "AWS::SecretsManager::Secret" => {
            template.secrets.insert(
                id.to_owned(),
                stored::secret(properties(&["Description", "KmsKeyId", "Tags"])?.into()?)?,
            );
            Ok(())
        }
        "AWS::SQS::Queue" => {
            let properties: stored::QueueProperties =
                properties(&["SqsManagedSseEnabled", "MessageRetentionPeriod", "Tags"])?.into()?;
            template.queues.insert(id.to_owned(), stored::queue(&properties)?);
            Ok(())
        }
        other if WITHOUT_EFFECT.contains(&other) => Ok(()),
        other => Err(TemplateError::new(format!("resources of type {other} do not run locally"))),
    }
}

/// Adds a bus, a subscriber or a rule.
fn add_of_events(
    template: &mut Template,
    id: &str,
    resource: &Value,
    scope: &Scope,
) -> Result<(), TemplateError> {
    let properties = |without_effect| Properties::new(&resource["Properties"], scope, without_effect);
    match resource["Type"].as_str().unwrap_or_default() {
        "AWS::Events::EventBus" => {
            properties(&["Name", "Description", "Tags"])?.into::<Nothing>()?;
            template.buses.push(id.to_owned());
            Ok(())
        }
        "AWS::EventsV2::EventBus" => {
            properties(&["Name", "Description", "StorageConfiguration", "Tags"])?.into::<Nothing>()?;
            Ok(())
        }
        "AWS::EventsV2::Subscriber" => {
            let without_effect = ["Name", "Description", "Type", "RetryPolicy", "OnFailureConfiguration"];
            let subscriber = properties(&without_effect)?.into()?;
            template.custom_buses.extend([stored::subscriber(&subscriber)]);
            Ok(())
        }
        _ => {
            template.rules.push(stored::rule(id, &properties(&["Description", "Name"])?.into()?)?);
            Ok(())
        }
    }
}

/// The resolved properties of one resource that have an effect.
struct Properties(Map<String, Value>);

impl Properties {
    fn new(properties: &Value, scope: &Scope, without_effect: &[&str]) -> Result<Self, TemplateError> {
        let mut resolved = Map::new();
        for (name, value) in properties.as_object().into_iter().flatten() {
            if without_effect.contains(&name.as_str()) {
                continue;
            }
            if let Some(value) = scope.resolve(value)? {
                resolved.insert(name.clone(), value);
            }
        }
        Ok(Self(resolved))
    }

    fn into<T: DeserializeOwned>(self) -> Result<T, TemplateError> {
        typed(Value::Object(self.0))
    }
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, TemplateError> {
    serde_json::from_value(value).map_err(|error| TemplateError::new(error.to_string()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

const FUNCTION_WITHOUT_EFFECT: &[&str] = &[
    "Architectures",
    "CodeUri",
    "Description",
    "Handler",
    // What a layer brings is given otherwise here: `Setup::with_setting`.
    "Layers",
    "LoggingConfig",
    "ReservedConcurrentExecutions",
    "Role",
    "Runtime",
    "Tags",
    "Tracing",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct FunctionProperties {
    timeout: Option<u64>,
    memory_size: Option<u64>,
    #[serde(default)]
    environment: Environment,
    #[serde(default)]
    events: BTreeMap<String, EventSource>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Environment {
    #[serde(default)]
    variables: BTreeMap<String, Value>,
}

/// Lambda's own default, in seconds.
const DEFAULT_TIMEOUT: u64 = 3;
/// Lambda's own default, in MB.
const DEFAULT_MEMORY: u64 = 128;

fn add_function(
    template: &mut Template,
    id: &str,
    own: FunctionProperties,
    globals: &FunctionProperties,
) -> Result<(), TemplateError> {
    let name = folder_name(id);
    for (source, properties) in own.events {
        // SAM calls what it makes of an event by both names.
        sources::add(template, &name, format!("{id}{source}"), properties)
            .map_err(|error| error.within(&source))?;
    }
    let timeout = Duration::from_secs(own.timeout.or(globals.timeout).unwrap_or(DEFAULT_TIMEOUT));
    let memory = own.memory_size.or(globals.memory_size).unwrap_or(DEFAULT_MEMORY);
    let mut settings = globals.environment.variables.clone();
    settings.extend(own.environment.variables);
    let settings = settings.into_iter().map(|(name, value)| (name, text_of(value))).collect();
    template.functions.insert(name, DeployedFunction { settings, timeout, memory });
    Ok(())
}

/// `ReadProfile` is deployed from `functions/read-profile`.
fn folder_name(id: &str) -> String {
    let mut name = String::new();
    for letter in id.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
