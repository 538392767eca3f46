//! The event sources of functions: routes, streams, queues, schedules and rules.

use std::{ops::RangeInclusive, time::Duration};

use serde::Deserialize;
use serde_json::Value;

use super::{
    error::TemplateError,
    model::{DAY, DEFAULT_BUS, QueueResource, QueueSource, Route, Rule, Schedule, StreamSource, Template},
    names::id_of,
    pattern::Pattern,
    stored,
};

#[derive(Deserialize)]
#[serde(tag = "Type", content = "Properties")]
pub(super) enum EventSource {
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
pub(super) struct HttpApiSource {
    #[serde(rename = "ApiId")]
    _api: Option<Value>,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    path: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct DynamoDbSource {
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
pub(super) struct SqsSource {
    queue: String,
    #[serde(default = "ten")]
    batch_size: usize,
    #[serde(default)]
    function_response_types: Vec<ResponseType>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct ScheduleSource {
    schedule_expression: String,
    #[serde(rename = "OmitName")]
    _omit_name: Option<Value>,
    /// Locally the next run is the next try.
    #[serde(rename = "RetryPolicy")]
    _retry_policy: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct RuleSource {
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
/// Adds what an event source of `function` deploys.
pub(super) fn add(
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
