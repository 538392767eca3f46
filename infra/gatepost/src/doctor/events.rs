//! The checks of an event's way: stream, relay, bus, rules, queues, and the canary.

use std::{collections::BTreeMap, time::Duration};

use cloud::AwsCallError;
use local::template::{
    DEFAULT_BUS, Pattern, QueueResource, QueueSource, Rule, Schedule, StreamSource, logical_id,
};
use serde_json::{Value, json};

use super::{
    check::{Check, Remedy},
    deployed::Deployed,
    keys,
};

const MAPPING: Remedy = Remedy(
    "enable the event source mapping; if it is enabled, its last result names the cause",
    "docs/operate/alarms.md#relaybehind",
);
const MAPPING_SETTINGS: Remedy = Remedy(
    "deploy the template of this build: other settings lose or reorder events",
    "docs/use/delivery.md",
);
const BUS: Remedy = Remedy(
    "deploy the template of this build: EventBridge silently drops events for a missing bus",
    "docs/operate/alarms.md#canarymissing",
);
const RULE: Remedy = Remedy(
    "enable the rule or the schedule, or deploy the template of this build",
    "docs/operate/alarms.md#canarymissing",
);
const REDRIVE: Remedy = Remedy(
    "deploy the template of this build: otherwise mails that cannot be sent are retried forever",
    "docs/operate/deploying.md",
);
const DEAD_LETTERS: Remedy =
    Remedy("read the messages, fix the cause, and redrive them", "docs/operate/alarms.md#mailsundelivered");
const CANARY: Remedy = Remedy(
    "follow the steps of an event, from the sweeper's schedule to the log of ReceiveCanary",
    "docs/operate/alarms.md#canarymissing",
);

/// The time in which a canary must have been received. One is sent each minute.
const CANARY_SECONDS: u64 = 300;
/// The time in which log-ins are read.
const LOG_IN_SECONDS: u64 = 3600;
/// The highest number of pages of a log.
const MOST_PAGES: usize = 20;

pub(crate) async fn checks(
    deployed: &Deployed,
    functions: &BTreeMap<String, Value>,
    checks: &mut Vec<Check>,
) {
    for source in &deployed.template.streams {
        let found = mapping(deployed, &source.function, &source.table).await;
        checks.extend(of_mapping(&source.function, found, |found| of_stream(source, found)));
    }
    for source in deployed.template.queue_sources.iter().filter(|source| !source.direct) {
        let found = mapping(deployed, &source.function, &source.queue).await;
        checks.extend(of_mapping(&source.function, found, |found| of_queue_source(source, found)));
    }
    for (folder, found) in functions {
        checks.extend(publishes_to(deployed, folder, found));
    }
    for rule in &deployed.template.rules {
        checks.push(of_rule(deployed, rule).await);
    }
    for schedule in &deployed.template.schedules {
        checks.push(of_schedule(deployed, schedule).await);
    }
    for (id, queue) in &deployed.template.queues {
        of_queue(deployed, id, queue, checks).await;
    }
    checks.push(canary(deployed).await);
}

/// Returns the mapping of a function that reads a table's stream or a queue.
async fn mapping(deployed: &Deployed, function: &str, source: &str) -> Result<Option<Value>, AwsCallError> {
    let function = deployed.name(&logical_id(function)).unwrap_or_default();
    let source = last_part(deployed.name(source).unwrap_or_default());
    let path = format!("/2015-03-31/event-source-mappings/?FunctionName={function}");
    let found = deployed.lambda.get_json(&path).await?;
    let mut mappings = found["EventSourceMappings"].as_array().cloned().unwrap_or_default().into_iter();
    // The two forms of ARNs: `…:table/NAME/stream/…`, `…:NAME`.
    let reads = |mapping: &Value| {
        let arn = mapping["EventSourceArn"].as_str().unwrap_or_default();
        arn.split([':', '/']).any(|part| part == source)
    };
    Ok(mappings.find(reads))
}

pub(crate) fn of_mapping(
    function: &str,
    found: Result<Option<Value>, AwsCallError>,
    settings: impl FnOnce(&Value) -> Vec<Check>,
) -> Vec<Check> {
    let name = format!("mapping of {function}");
    let state = match found {
        Ok(Some(found)) => {
            let mut checks = vec![Check::equal(name, "Enabled", state(&found), MAPPING)];
            checks.extend(settings(&found));
            return checks;
        }
        Ok(None) => Check::equal(name, "Enabled", "none", MAPPING_SETTINGS),
        Err(error) => Check::unanswered(name, "Enabled", &error, MAPPING),
    };
    vec![state]
}

fn state(mapping: &Value) -> String {
    let state = mapping["State"].as_str().unwrap_or_default();
    match mapping["LastProcessingResult"].as_str() {
        Some(result) if result.starts_with("PROBLEM") => format!("{state}, {result}"),
        _ => state.to_owned(),
    }
}

/// Checks how a stream is read, and which of its records.
pub(crate) fn of_stream(wanted: &StreamSource, found: &Value) -> Vec<Check> {
    let StreamSource { function, batch_size, reports_failures, bisects, filters, .. } = wanted;
    // Several concurrent batches of a shard would reorder events.
    let reading = reading(*batch_size as u64, *reports_failures, Some((1, *bisects)));
    let factor = found["ParallelizationFactor"].as_u64().unwrap_or(1);
    let here = found_reading(found, Some((factor, found["BisectBatchOnFunctionError"] == true)));
    let patterns = found["FilterCriteria"]["Filters"].as_array().into_iter().flatten();
    let patterns = patterns.map(|filter| {
        let pattern = serde_json::from_str(filter["Pattern"].as_str()?).ok()?;
        Pattern::read(&pattern).ok()
    });
    let is_same = patterns.collect::<Option<Vec<_>>>().as_ref() == Some(filters);
    let filter = if is_same { "the template's" } else { "another" };
    let name = |what: &str| format!("mapping of {function}: {what}");
    vec![
        Check::equal(name("settings"), reading, here, MAPPING_SETTINGS),
        Check::equal(name("filter"), "the template's", filter, MAPPING_SETTINGS),
    ]
}

fn of_queue_source(wanted: &QueueSource, found: &Value) -> Vec<Check> {
    let reading = reading(wanted.batch_size as u64, wanted.reports_failures, None);
    let name = format!("mapping of {}: settings", wanted.function);
    vec![Check::equal(name, reading, found_reading(found, None), MAPPING_SETTINGS)]
}

fn found_reading(found: &Value, of_shard: Option<(u64, bool)>) -> String {
    let reports = found["FunctionResponseTypes"].as_array().is_some_and(|types| !types.is_empty());
    reading(found["BatchSize"].as_u64().unwrap_or_default(), reports, of_shard)
}

/// Describes how batches are read. `of_shard` is for streams: the number of concurrent batches, and whether
/// failed ones are bisected.
fn reading(batch_size: u64, reports_failures: bool, of_shard: Option<(u64, bool)>) -> String {
    let no = |is: bool| if is { "" } else { "no " };
    let mut words =
        vec![format!("batches of {batch_size}"), format!("{}report of failures", no(reports_failures))];
    if let Some((at_once, bisects)) = of_shard {
        words.extend([format!("{at_once} at once"), format!("{}bisecting", no(bisects))]);
    }
    words.join(", ")
}

/// Checks that a function publishes to the bus of the stack.
fn publishes_to(deployed: &Deployed, folder: &str, found: &Value) -> Option<Check> {
    let bus = found["Environment"]["Variables"]["EVENT_BUS"].as_str()?;
    let mine = ["OrderedBus", "Bus"].iter().filter_map(|id| deployed.name(id));
    let is_mine = mine.into_iter().any(|name| bus.split([':', '/']).any(|part| part == last_part(name)));
    let found = if is_mine { "the stack's" } else { bus };
    Some(Check::equal(format!("bus of {folder}"), "the stack's", found, BUS))
}

async fn of_rule(deployed: &Deployed, rule: &Rule) -> Check {
    let name = format!("rule {}", rule.id);
    let bus =
        if rule.bus == DEFAULT_BUS { DEFAULT_BUS } else { deployed.name(&rule.bus).unwrap_or_default() };
    let found = match described(deployed, &rule.id, bus).await {
        Ok(found) => found,
        Err(error) => return Check::unanswered(name, "enabled", &error, RULE),
    };
    // The target is the queue, or the function that the local queue stands for.
    let target = rule.queues.first().map(String::as_str).unwrap_or_default();
    let target = target.strip_prefix("events of ").map_or_else(|| target.to_owned(), logical_id);
    let mut problems = problems(deployed, &found, &target);
    // The patterns for events of AWS contain the name of the stack.
    if rule.bus != DEFAULT_BUS && !has_pattern(rule, &found.0) {
        problems.push("another pattern".to_owned());
    }
    judged(name, &target, &problems)
}

async fn of_schedule(deployed: &Deployed, schedule: &Schedule) -> Check {
    let (name, target) = (format!("schedule {}", schedule.id), logical_id(&schedule.function));
    let id = deployed.name(&schedule.id).unwrap_or(&schedule.id);
    match deployed.scheduler.get_json(&format!("/schedules/{id}")).await {
        Ok(found) => {
            let state = found["State"].as_str().unwrap_or_default();
            let is_of =
                |arn: &str| deployed.name(&target).is_some_and(|name| last_part(arn) == last_part(name));
            let mut problems = unless_enabled(state);
            if !found["Target"]["Arn"].as_str().is_some_and(is_of) {
                problems.push("another target".to_owned());
            }
            let other = found["ScheduleExpression"].as_str().unwrap_or_default();
            if other != schedule.expression {
                problems.push(format!("at {other}, not {}", schedule.expression));
            }
            judged(name, &target, &problems)
        }
        Err(error) => Check::unanswered(name, "enabled", &error, RULE),
    }
}

/// Describes a rule and its targets.
async fn described(deployed: &Deployed, id: &str, bus: &str) -> Result<(Value, Value), AwsCallError> {
    // On other buses than the default one, the physical id is `bus|rule`.
    let rule = deployed.name(id).unwrap_or(id);
    let rule = rule.rsplit('|').next().unwrap_or(rule);
    let found =
        deployed.bus.call("AWSEvents.DescribeRule", &json!({"Name": rule, "EventBusName": bus})).await?;
    let request = json!({"Rule": rule, "EventBusName": bus});
    Ok((found, deployed.bus.call("AWSEvents.ListTargetsByRule", &request).await?))
}

fn problems(deployed: &Deployed, (rule, targets): &(Value, Value), target: &str) -> Vec<String> {
    let mut problems = unless_enabled(rule["State"].as_str().unwrap_or_default());
    let wanted = deployed.name(target).map(last_part);
    let mut arns = targets["Targets"].as_array().into_iter().flatten().filter_map(|t| t["Arn"].as_str());
    if !arns.any(|arn| Some(last_part(arn)) == wanted) {
        problems.push("another target".to_owned());
    }
    problems
}

fn unless_enabled(state: &str) -> Vec<String> {
    if state == "ENABLED" { Vec::new() } else { vec![state.to_ascii_lowercase()] }
}

fn has_pattern(wanted: &Rule, found: &Value) -> bool {
    let pattern = found["EventPattern"].as_str().and_then(|text| serde_json::from_str(text).ok());
    pattern.and_then(|pattern| Pattern::read(&pattern).ok()).as_ref() == Some(&wanted.pattern)
}

fn judged(name: String, target: &str, problems: &[String]) -> Check {
    let well = format!("enabled, to {target}");
    let found = if problems.is_empty() { Ok(well.clone()) } else { Err(problems.join(", ")) };
    Check::outcome(name, well, found, RULE)
}

async fn of_queue(deployed: &Deployed, id: &str, queue: &QueueResource, checks: &mut Vec<Check>) {
    let Some((dead_letters, attempts)) = &queue.dead_letters else { return };
    let (Some(_), Some(name)) = (deployed.named(id, checks), deployed.named(dead_letters, checks)) else {
        return;
    };
    checks.push(match attributes(deployed, id).await {
        Ok(found) => redrive(id, (last_part(name), *attempts), &found),
        Err(error) => Check::unanswered(format!("queue {id}"), "there", &error, REDRIVE),
    });
    checks.push(match attributes(deployed, dead_letters).await {
        Ok(found) => messages(dead_letters, &found),
        Err(error) => Check::unanswered(format!("queue {dead_letters}"), "there", &error, REDRIVE),
    });
}

async fn attributes(deployed: &Deployed, id: &str) -> Result<Value, AwsCallError> {
    let url = deployed.name(id).unwrap_or_default();
    let request = json!({"QueueUrl": url, "AttributeNames": ["All"]});
    Ok(deployed.queues.call("AmazonSQS.GetQueueAttributes", &request).await?["Attributes"].take())
}

/// Checks the destination of messages that cannot be handled.
pub(crate) fn redrive(id: &str, (dead_letters, attempts): (&str, u32), found: &Value) -> Check {
    let text = found["RedrivePolicy"].as_str().unwrap_or_default();
    let policy: Value = serde_json::from_str(text).unwrap_or_default();
    let to = policy["deadLetterTargetArn"].as_str().map_or("nowhere", last_part);
    let after = policy["maxReceiveCount"].to_string().replace('"', "");
    let said = |to: &str, after: &str| format!("to {to} after {after} attempts");
    let found = if text.is_empty() { "nowhere".to_owned() } else { said(to, &after) };
    let name = format!("queue {id}: dead letters");
    Check::equal(name, said(dead_letters, &attempts.to_string()), found, REDRIVE)
}

pub(crate) fn messages(id: &str, found: &Value) -> Check {
    let waiting = found["ApproximateNumberOfMessages"].as_str().unwrap_or("unknown");
    Check::equal(format!("queue {id}: messages"), "0", waiting, DEAD_LETTERS).at_most_a_warning()
}

/// Checks that a canary has passed table, stream, relay, bus and rule, in the log of `receive-canary`.
async fn canary(deployed: &Deployed) -> Check {
    let name = "the round trip of an event";
    let expected = format!("a canary within the last {CANARY_SECONDS} s, no slower than that");
    let logged = log(deployed, "EventLogs", "ReceiveCanary", CANARY_SECONDS).await;
    let lines = match logged {
        Ok(lines) => lines,
        Err(error) => return Check::unanswered(name, expected, &error, CANARY),
    };
    let found = match lines.iter().filter_map(|line| line["CanaryAge"].as_u64()).next_back() {
        Some(age) if age <= CANARY_SECONDS * 1000 => Ok(format!("back after {age} ms")),
        Some(age) => Err(format!("back after {age} ms")),
        None => Err("no canary came back".to_owned()),
    };
    Check::outcome(name, expected, found, CANARY)
}

/// Checks the duration of recent log-ins, including the hash, with the function's memory.
pub(crate) async fn log_in_time(deployed: &Deployed) -> Check {
    let name = "log-in with one password hash, in Lambda (median)";
    match log(deployed, "ApiLogs", "LogIn", LOG_IN_SECONDS).await {
        Ok(lines) => {
            let mut times: Vec<_> = lines.iter().filter_map(|line| line["Latency"].as_u64()).collect();
            times.sort_unstable();
            timed(name, times.get(times.len() / 2).copied().map(Duration::from_millis))
        }
        Err(error) => Check::unanswered(name, "told", &error, CANARY).at_most_a_warning(),
    }
}

/// Checks a duration. A missing recent log-in is reported, but is not an error.
fn timed(name: &str, time: Option<Duration>) -> Check {
    match time {
        Some(time) => keys::hashing(name, Ok(time)),
        None => Check::outcome(name, "timed", Ok("unknown: no log-in within an hour".to_owned()), CANARY),
    }
}

/// Returns the recent lines of a function in its log group, oldest first.
async fn log(
    deployed: &Deployed,
    group: &str,
    function: &str,
    seconds: u64,
) -> Result<Vec<Value>, AwsCallError> {
    let since = deployed.cloud.clock().now().minus(Duration::from_secs(seconds));
    let name = |id| deployed.name(id).unwrap_or(id);
    let function = name(function);
    // Several functions share the group, and each line names its function.
    let mut request = json!({
        "logGroupName": name(group), "startTime": since.millis(), "filterPattern": format!("\"{function}\""),
    });
    let mut lines = Vec::new();
    for _page in 0..MOST_PAGES {
        let mut page = deployed.logs.call("Logs_20140328.FilterLogEvents", &request).await?;
        let events = page["events"].as_array().into_iter().flatten();
        let read = events.filter_map(|event| serde_json::from_str::<Value>(event["message"].as_str()?).ok());
        lines.extend(read.filter(|line| line["Function"] == function));
        match page["nextToken"].take() {
            Value::String(token) => request["nextToken"] = token.into(),
            _ => break,
        }
    }
    Ok(lines)
}

/// Returns the name at the end of an ARN or a URL.
fn last_part(name: &str) -> &str {
    name.rsplit([':', '/']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use local::Stack;

    use super::*;
    use crate::doctor::check::Severity;

    /// Returns the mapping of the template, as Lambda describes it.
    fn mapping() -> Value {
        let pattern = r#"{"eventName": ["INSERT"], "dynamodb": {"Keys": {"stream": {"S": [{"prefix": "user#"},
            {"prefix": "registration#"}, {"prefix": "resend#"}, {"prefix": "reset#"}, {"prefix": "role#"},
            {"prefix": "digest#"}, {"prefix": "client#"}, {"prefix": "canary#"}]}}}}"#;
        json!({
            "State": "Enabled", "LastProcessingResult": "OK", "BatchSize": 100, "ParallelizationFactor": 1,
            "BisectBatchOnFunctionError": true, "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "FilterCriteria": {"Filters": [{"Pattern": pattern}]},
        })
    }

    /// Returns the names of the failed checks of the relay's mapping.
    fn wrong(found: Result<Option<Value>, AwsCallError>) -> Vec<(String, Severity)> {
        let template = Stack::memory().template().expect("the template");
        let source = &template.streams[0];
        let checks = of_mapping("relay", found, |found| of_stream(source, found));
        let bad = checks.into_iter().filter(|check| check.severity > Severity::Ok);
        bad.map(|check| (check.json()["name"].as_str().unwrap_or_default().to_owned(), check.severity))
            .collect()
    }

    #[test]
    fn the_mapping_of_the_template_passes() {
        assert_eq!(wrong(Ok(Some(mapping()))), []);
    }

    #[test]
    fn each_difference_of_a_mapping_is_found() {
        for (field, value, name) in [
            ("State", json!("Disabled"), "mapping of relay"),
            ("LastProcessingResult", json!("PROBLEM: Function call failed"), "mapping of relay"),
            ("BatchSize", json!(10), "mapping of relay-events: settings"),
            ("ParallelizationFactor", json!(10), "mapping of relay-events: settings"),
            ("BisectBatchOnFunctionError", json!(false), "mapping of relay-events: settings"),
            ("FunctionResponseTypes", json!([]), "mapping of relay-events: settings"),
            ("FilterCriteria", json!(null), "mapping of relay-events: filter"),
            (
                "FilterCriteria",
                json!({"Filters": [{"Pattern": r#"{"eventName":["INSERT"]}"#}]}),
                "mapping of relay-events: filter",
            ),
        ] {
            let mut mapping = mapping();
            mapping[field] = value;
            assert_eq!(wrong(Ok(Some(mapping))), [(name.to_owned(), Severity::Error)], "{field}");
        }
        assert_eq!(wrong(Ok(None)), [("mapping of relay".to_owned(), Severity::Error)]);
    }

    #[test]
    fn a_caller_without_permission_is_warned_and_gets_the_missing_rights() {
        let denied = AwsCallError::Refused("AccessDeniedException".to_owned());

        let found = of_mapping("relay", Err(denied), |_| Vec::new());

        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].json()["guide"], "docs/operate/doctor.md#rights");
        assert_eq!(wrong(Err(AwsCallError::Unreachable))[0].1, Severity::Error);
    }

    #[test]
    fn a_missing_log_in_is_reported_and_not_an_error() {
        let unknown = timed("log-in", None);
        assert_eq!(
            (unknown.severity, unknown.text().contains("no log-in within an hour")),
            (Severity::Ok, true)
        );
        assert_eq!(timed("log-in", Some(Duration::from_secs(20))).severity, Severity::Warning);
    }

    #[test]
    fn a_rule_is_compared_with_the_template() {
        let template = Stack::memory().template().expect("the template");
        let rule = template.rules.iter().find(|rule| rule.id == "ReceiveCanaryCanary").expect("the rule");
        let pattern = |text: &str| json!({"EventPattern": text});

        assert!(has_pattern(rule, &pattern(r#"{"source":["gatepost.canary"]}"#)));
        assert!(!has_pattern(rule, &pattern(r#"{"source":["gatepost"]}"#)));
        assert!(!has_pattern(rule, &json!({})));
    }

    #[test]
    fn dead_letters_have_the_destination_of_the_template_and_should_be_empty() {
        let policy = |to: &str, after: &str| {
            let arn = format!("arn:aws:sqs:eu-west-1:000000000000:{to}");
            json!({"RedrivePolicy": format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{after}}}"#)})
        };
        let severity = |found: &Value| redrive("MailQueue", ("dead", 10), found).severity;

        assert_eq!(severity(&policy("dead", "10")), Severity::Ok);
        assert_eq!(severity(&policy("dead", "\"10\"")), Severity::Ok);
        assert_eq!(severity(&policy("other", "10")), Severity::Error);
        assert_eq!(severity(&policy("dead", "3")), Severity::Error);
        assert_eq!(severity(&json!({})), Severity::Error);
        let waiting =
            |number: &str| messages("dead", &json!({"ApproximateNumberOfMessages": number})).severity;
        assert_eq!((waiting("0"), waiting("2")), (Severity::Ok, Severity::Warning));
    }
}
