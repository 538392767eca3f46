//! From the template's resources to what runs. Properties are read strictly: what is neither
//! implemented nor listed as without effect locally is refused.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    DAY, DEFAULT_BUS, DeployedFunction, QueueResource, QueueSource, Route, Rule, Schedule, StreamSource,
    Template, TemplateError,
    browsers::{API_WITHOUT_EFFECT, ApiProperties, BUCKET_WITHOUT_EFFECT, BucketProperties},
    id_of,
    intrinsics::{Scope, text_of},
    stored,
};
use crate::pattern::Pattern;

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

#[derive(Deserialize)]
#[serde(tag = "Type", content = "Properties")]
enum EventSource {
    HttpApi(HttpApiSource),
    #[serde(rename = "DynamoDB")]
    Stream(DynamoDbSource),
    #[serde(rename = "SQS")]
    Queue(SqsSource),
    #[serde(rename = "ScheduleV2")]
    Schedule(ScheduleSource),
    #[serde(rename = "EventBridgeRule")]
    Rule(RuleSource),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct HttpApiSource {
    #[serde(rename = "ApiId")]
    _api: Option<Value>,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    path: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct DynamoDbSource {
    stream: String,
    starting_position: String,
    #[serde(default = "hundred")]
    batch_size: usize,
    #[serde(default = "one")]
    parallelization_factor: usize,
    #[serde(default)]
    bisect_batch_on_function_error: bool,
    #[serde(default)]
    function_response_types: Vec<ResponseType>,
    #[serde(default)]
    filter_criteria: FilterCriteria,
    /// Locally a record is tried until it succeeds.
    #[serde(rename = "MaximumRecordAgeInSeconds")]
    _maximum_record_age: Option<Value>,
    #[serde(rename = "DestinationConfig")]
    _destination: Option<Value>,
    #[serde(rename = "MetricsConfig")]
    _metrics: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct SqsSource {
    queue: String,
    #[serde(default = "ten")]
    batch_size: usize,
    #[serde(default)]
    function_response_types: Vec<ResponseType>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ScheduleSource {
    schedule_expression: String,
    #[serde(rename = "OmitName")]
    _omit_name: Option<Value>,
    /// Locally the next run is the next try.
    #[serde(rename = "RetryPolicy")]
    _retry_policy: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct RuleSource {
    /// The bus that AWS's own services publish to, if none is named.
    #[serde(default = "default_bus")]
    event_bus_name: String,
    pattern: Value,
}

#[derive(Deserialize)]
enum ResponseType {
    ReportBatchItemFailures,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct FilterCriteria {
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Filter {
    pattern: String,
}

fn default_bus() -> String {
    DEFAULT_BUS.to_owned()
}
const fn hundred() -> usize {
    100
}
const fn ten() -> usize {
    10
}
const fn one() -> usize {
    1
}

/// The messages of one call; more of them need a batching window, which does not run locally:
/// `docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html`, "`MaximumBatchingWindowInSeconds`".
const BATCH_SIZES: RangeInclusive<usize> = 1..=10;
/// Between two attempts at a call that EventBridge makes.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
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
        add_source(template, &name, format!("{id}{source}"), properties)
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

fn add_source(
    template: &mut Template,
    function: &str,
    id: String,
    source: EventSource,
) -> Result<(), TemplateError> {
    let function = function.to_owned();
    match source {
        EventSource::HttpApi(route) => {
            let method = route.method.filter(|m| !matches!(m.to_ascii_uppercase().as_str(), "ANY" | "*"));
            let path = route.path.unwrap_or_else(|| "$default".to_owned());
            let method = method.map(|method| method.to_ascii_uppercase());
            template.routes.push(Route { method, path, function });
        }
        EventSource::Stream(source) => template.streams.push(stream(function, source)?),
        EventSource::Queue(source) => template.queue_sources.push(queue(function, &source)?),
        EventSource::Rule(source) => add_rule(template, function, id, &source)?,
        EventSource::Schedule(source) => {
            let expression = source.schedule_expression;
            let (every, time_of_day) = match daily(&expression) {
                Some(time_of_day) => (DAY, Some(time_of_day)),
                None => (rate(&expression)?, None),
            };
            template.schedules.push(Schedule { id, function, expression, every, time_of_day });
        }
    }
    Ok(())
}

fn queue(function: String, source: &SqsSource) -> Result<QueueSource, TemplateError> {
    if !BATCH_SIZES.contains(&source.batch_size) {
        return Err(TemplateError::new(format!(
            "BatchSize is {}, and Lambda takes {} to {} messages without a batching window",
            source.batch_size,
            BATCH_SIZES.start(),
            BATCH_SIZES.end()
        )));
    }
    Ok(QueueSource {
        function,
        queue: id_of(&source.queue).to_owned(),
        batch_size: source.batch_size,
        reports_failures: !source.function_response_types.is_empty(),
        direct: false,
    })
}

/// EventBridge calls a function by a queue of its own, which nobody sees.
fn add_rule(
    template: &mut Template,
    function: String,
    id: String,
    source: &RuleSource,
) -> Result<(), TemplateError> {
    let queue = format!("events of {function}");
    template.rules.push(Rule {
        id,
        bus: id_of(&source.event_bus_name).to_owned(),
        pattern: Pattern::read(&source.pattern)?,
        queues: vec![queue.clone()],
    });
    let hidden = QueueResource {
        visibility_timeout: LONGEST_PAUSE,
        max_message_bytes: *stored::MESSAGE_SIZES.end(),
        dead_letters: None,
    };
    template.queues.insert(queue.clone(), hidden);
    template.queue_sources.push(QueueSource {
        function,
        queue,
        batch_size: 1,
        reports_failures: false,
        direct: true,
    });
    Ok(())
}

fn stream(function: String, source: DynamoDbSource) -> Result<StreamSource, TemplateError> {
    if source.starting_position != "TRIM_HORIZON" || source.parallelization_factor != 1 {
        return Err(TemplateError::new(
            "a stream is read from TRIM_HORIZON with ParallelizationFactor 1: anything else loses or reorders events"
                .to_owned(),
        ));
    }
    let filters = source.filter_criteria.filters.into_iter().map(|filter| {
        let pattern = serde_json::from_str(&filter.pattern)
            .map_err(|error| TemplateError::new(format!("the filter is no JSON: {error}")))?;
        Pattern::read(&pattern)
    });
    Ok(StreamSource {
        function,
        table: id_of(&source.stream).to_owned(),
        batch_size: source.batch_size,
        reports_failures: !source.function_response_types.is_empty(),
        bisects: source.bisect_batch_on_function_error,
        filters: filters.collect::<Result<_, _>>()?,
    })
}

/// Reads `cron(30 6 * * ? *)`: each day at half past six.
fn daily(expression: &str) -> Option<Duration> {
    let time = expression.strip_prefix("cron(")?.strip_suffix(" * * ? *)")?;
    let (minute, hour) = time.split_once(' ')?;
    let below = |text: &str, end: u64| text.parse::<u64>().ok().filter(|number| *number < end);
    Some(Duration::from_mins(60 * below(hour, 24)? + below(minute, 60)?))
}

/// Reads `rate(5 minutes)`.
fn rate(expression: &str) -> Result<Duration, TemplateError> {
    let unusable = || {
        TemplateError::new(format!(
            "the schedule {expression} is no rate(… minutes, hours or days) and no cron(MINUTE HOUR * * ? *)"
        ))
    };
    let inner =
        expression.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')).ok_or_else(unusable)?;
    let (number, unit) = inner.split_once(' ').ok_or_else(unusable)?;
    let seconds = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        "day" | "days" => 86_400,
        _ => return Err(unusable()),
    };
    let number: u64 = number.parse().ok().filter(|n| *n > 0).ok_or_else(unusable)?;
    Ok(Duration::from_secs(number * seconds))
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
