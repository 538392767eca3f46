//! Quotas of AWS that a deployment would reach first, each with its source and a template that exceeds it.

use std::collections::BTreeMap;

use local::template;
use serde_json::{Value, json};

/// `docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html`: "Environment variables".
const MAX_ENVIRONMENT_BYTES: usize = 4 * 1024;
/// `docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html`
const MAX_FUNCTION_DESCRIPTION: usize = 256;
/// `docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html`: white space does not count.
const MAX_INLINE_POLICIES: usize = 10_240;
const MAX_MANAGED_POLICY: usize = 6_144;
const MAX_MANAGED_POLICIES_OF_A_ROLE: usize = 10;
/// `docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html`
const MAX_RESOURCES: usize = 500;
const MAX_PARAMETERS: usize = 200;
const MAX_OUTPUTS: usize = 200;
const MAX_TEMPLATE_BYTES: usize = 1024 * 1024;
/// `docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html`: routes and integrations of an API.
const MAX_ROUTES: usize = 300;
/// `docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html`: "`BatchSize`" and
/// "`MaximumBatchingWindowInSeconds`". The window that the page demands of a stream as well is not held: a stream's
/// default is 100 records without one.
const MAX_BATCH: u64 = 10_000;
const MAX_BATCH_WITHOUT_WINDOW: u64 = 10;
const MAX_WINDOW: u64 = 300;
/// `docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html`: "Batching window is not supported for FIFO queues".
const MAX_WINDOW_OF_FIFO: u64 = 0;
const DEFAULT_BATCH: u64 = 10;
/// `docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html`
const MAX_MESSAGE_BYTES: u64 = 1_048_576;
const MAX_RETENTION_SECONDS: u64 = 1_209_600;
const MAX_VISIBILITY_SECONDS: u64 = 43_200;
/// The current size of the template.
const MAX_LINES: usize = 3_910;
const MAX_DEPLOYED: usize = 284;
/// The longest text of a number.
const MAX_NUMBER: usize = 20;
/// An ARN or a generated name. The name of a stack has at most 128 characters.
const MAX_REFERENCE: usize = 256;

/// Returns the quotas that a template exceeds, or can exceed with permitted parameters.
fn exceeded(template: &Value) -> Vec<String> {
    let resources = || template["Resources"].as_object().into_iter().flatten();
    let mut exceeded = of_queues(template);
    let mut hold = |what: String, measured: usize, limit: usize| {
        if measured > limit {
            exceeded.push(format!("{what}: {measured} of {limit}"));
        }
    };
    for (id, resource) in resources() {
        let properties = &resource["Properties"];
        match resource["Type"].as_str() {
            Some("AWS::Serverless::Function") => {
                hold(
                    format!("environment of {id}"),
                    environment_bytes(properties, template),
                    MAX_ENVIRONMENT_BYTES,
                );
                let description = properties["Description"].as_str().map_or(0, str::len);
                hold(format!("description of {id}"), description, MAX_FUNCTION_DESCRIPTION);
            }
            Some("AWS::IAM::Role") => {
                let policies = properties["Policies"].as_array().into_iter().flatten();
                let bytes = policies.map(|policy| policy_bytes(&policy["PolicyDocument"])).sum();
                hold(format!("inline policies of {id}"), bytes, MAX_INLINE_POLICIES);
                let naming = resources().filter(|(_, policy)| names_role(policy, id)).count();
                let managed = properties["ManagedPolicyArns"].as_array().map_or(0, Vec::len) + naming;
                hold(format!("managed policies of {id}"), managed, MAX_MANAGED_POLICIES_OF_A_ROLE);
            }
            Some("AWS::IAM::ManagedPolicy") => {
                hold(format!("policy {id}"), policy_bytes(&properties["PolicyDocument"]), MAX_MANAGED_POLICY);
            }
            _ => {}
        }
    }
    let entries = |section: &str| template[section].as_object().map_or(0, serde_json::Map::len);
    hold(
        "resources".to_owned(),
        resources().map(|(_, resource)| resources_of(resource)).sum(),
        MAX_RESOURCES,
    );
    hold(
        "routes".to_owned(),
        resources().map(|(_, resource)| sources(resource, "HttpApi")).sum(),
        MAX_ROUTES,
    );
    hold("parameters".to_owned(), entries("Parameters"), MAX_PARAMETERS);
    hold("outputs".to_owned(), entries("Outputs"), MAX_OUTPUTS);
    exceeded
}

/// The quotas of queues, and of the functions that read queues and streams.
fn of_queues(template: &Value) -> Vec<String> {
    let mut measured = Vec::new();
    for (id, resource) in template["Resources"].as_object().into_iter().flatten() {
        let number = |name: &str| resource["Properties"][name].as_u64().unwrap_or(0);
        if resource["Type"] == "AWS::SQS::Queue" {
            measured.extend([
                (format!("message of {id}"), number("MaximumMessageSize"), MAX_MESSAGE_BYTES),
                (format!("retention of {id}"), number("MessageRetentionPeriod"), MAX_RETENTION_SECONDS),
                (format!("visibility timeout of {id}"), number("VisibilityTimeout"), MAX_VISIBILITY_SECONDS),
            ]);
        }
        for (name, source) in resource["Properties"]["Events"].as_object().into_iter().flatten() {
            measured.extend(of_source(&format!("{id}{name}"), source, template));
        }
    }
    let exceeded = measured.into_iter().filter(|(_, measured, limit)| measured > limit);
    exceeded.map(|(what, measured, limit)| format!("{what}: {measured} of {limit}")).collect()
}

/// The batch and the batching window of an event source, each with its limit.
fn of_source(id: &str, source: &Value, template: &Value) -> Vec<(String, u64, u64)> {
    let properties = &source["Properties"];
    let window = properties["MaximumBatchingWindowInSeconds"].as_u64().unwrap_or(0);
    let batch = properties["BatchSize"].as_u64().unwrap_or(DEFAULT_BATCH);
    let queue = properties["Queue"]["Fn::GetAtt"][0].as_str().unwrap_or_default();
    let is_fifo = template["Resources"][queue]["Properties"]["FifoQueue"] == true;
    let max_batch = match source["Type"].as_str() {
        Some("SQS") if window == 0 => MAX_BATCH_WITHOUT_WINDOW,
        Some("SQS" | "DynamoDB") => MAX_BATCH,
        _ => return Vec::new(),
    };
    let max_window = if is_fifo { MAX_WINDOW_OF_FIFO } else { MAX_WINDOW };
    vec![
        (format!("batch of {id}"), batch, max_batch),
        (format!("batching window of {id}"), window, max_window),
    ]
}

/// Returns how many resources SAM creates from one: `AWS::Serverless::Function` has a permission or a mapping
/// for each of its events, `AWS::Serverless::HttpApi` a stage.
fn resources_of(resource: &Value) -> usize {
    match resource["Type"].as_str() {
        Some("AWS::Serverless::Function") => {
            1 + resource["Properties"]["Events"].as_object().map_or(0, serde_json::Map::len)
        }
        Some("AWS::Serverless::HttpApi") => 2,
        _ => 1,
    }
}

/// Returns whether a managed policy attaches itself to the role.
fn names_role(policy: &Value, role: &str) -> bool {
    let mut roles = policy["Properties"]["Roles"].as_array().into_iter().flatten();
    policy["Type"] == "AWS::IAM::ManagedPolicy" && roles.any(|named| named["Ref"] == role)
}

fn sources(resource: &Value, kind: &str) -> usize {
    let sources = resource["Properties"]["Events"].as_object().into_iter().flatten();
    sources.filter(|(_, source)| source["Type"] == kind).count()
}

/// Returns the highest number of bytes in a function's environment.
fn environment_bytes(function: &Value, template: &Value) -> usize {
    let globals = &template["Globals"]["Function"]["Environment"]["Variables"];
    let own = &function["Environment"]["Variables"];
    let variables: BTreeMap<_, _> =
        [globals, own].into_iter().filter_map(Value::as_object).flatten().collect();
    variables.iter().map(|(name, value)| name.len() + longest(value, template)).sum()
}

/// Returns the length of the longest text that a value can have.
fn longest(value: &Value, template: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Object(call) => match call.iter().next() {
            Some((name, Value::String(id))) if name == "Ref" => {
                longest_parameter(&template["Parameters"][id])
            }
            Some((name, Value::String(text))) if name == "Fn::Sub" => {
                let references = text.matches("${").count();
                text.len() + references * MAX_REFERENCE
            }
            Some((name, Value::Array(branches))) if name == "Fn::If" => {
                branches[1..].iter().map(|branch| longest(branch, template)).max().unwrap_or(0)
            }
            _ => MAX_REFERENCE,
        },
        other => other.to_string().len(),
    }
}

fn longest_parameter(parameter: &Value) -> usize {
    if parameter.is_null() {
        return MAX_REFERENCE; // a resource
    }
    let allowed = parameter["AllowedValues"].as_array().into_iter().flatten();
    if let Some(longest) = allowed.map(|value| value.to_string().len()).max() {
        return longest;
    }
    match parameter["MaxLength"].as_u64() {
        Some(length) => usize::try_from(length).unwrap_or(usize::MAX),
        None if parameter["Type"] == "Number" => MAX_NUMBER,
        None => MAX_ENVIRONMENT_BYTES + 1, // a text without a bound exceeds each
    }
}

/// Returns the size of a policy as IAM counts it, with the longest text for each reference.
fn policy_bytes(document: &Value) -> usize {
    match document {
        Value::Object(call)
            if call.len() == 1 && call.keys().all(|key| key == "Ref" || key.starts_with("Fn::")) =>
        {
            MAX_REFERENCE
        }
        Value::Object(fields) => {
            2 + fields.iter().map(|(name, value)| name.len() + 4 + policy_bytes(value)).sum::<usize>()
        }
        Value::Array(values) => 2 + values.iter().map(|value| policy_bytes(value) + 1).sum::<usize>(),
        value => value.to_string().chars().filter(|character| !character.is_whitespace()).count(),
    }
}

#[test]
fn the_template_is_within_the_quotas_of_aws() {
    let document = template::document(template::OF_THIS_BUILD).expect("a template");
    assert_eq!(exceeded(&document), [""; 0]);
    assert!(template::OF_THIS_BUILD.len() <= MAX_TEMPLATE_BYTES);
}

/// Each limit may only shrink. Repeated parts belong in `Globals` or a managed policy.
#[test]
fn the_template_does_not_grow() {
    let document = template::document(template::OF_THIS_BUILD).expect("a template");
    let resources = document["Resources"].as_object().expect("resources");
    let deployed: usize = resources.values().map(resources_of).sum();
    let lines = template::OF_THIS_BUILD.lines().count();
    assert!(lines <= MAX_LINES, "{lines} lines of {MAX_LINES}");
    assert!(deployed <= MAX_DEPLOYED, "{deployed} resources of {MAX_DEPLOYED}");
}

#[test]
fn each_quota_can_be_exceeded() {
    let function = |properties: Value| json!({"Type": "AWS::Serverless::Function", "Properties": properties});
    let role = |properties: Value| json!({"Type": "AWS::IAM::Role", "Properties": properties});
    let with = |resource: Value| json!({"Resources": {"X": resource}});
    let events = |count: usize| {
        let route = |number: usize| (number.to_string(), json!({"Type": "HttpApi"}));
        (0..count).map(route).collect::<serde_json::Map<_, _>>()
    };
    let many =
        |count: usize| (0..count).map(|n| (n.to_string(), json!({}))).collect::<serde_json::Map<_, _>>();
    let policy = |bytes: usize| json!({"Statement": [{"Resource": "x".repeat(bytes)}]});
    let variables = |value: Value| function(json!({"Environment": {"Variables": {"NAME": value}}}));
    let unbounded =
        json!({"Resources": {"X": variables(json!({"Ref": "P"}))}, "Parameters": {"P": {"Type": "String"}}});

    let cases = [
        ("environment of X: 4104 of 4096", with(variables(json!("x".repeat(4100))))),
        ("environment of X: 4101 of 4096", unbounded),
        ("description of X: 257 of 256", with(function(json!({"Description": "x".repeat(257)})))),
        ("inline policies of X", with(role(json!({"Policies": [{"PolicyDocument": policy(10_240)}]})))),
        ("managed policies of X: 11 of 10", with(role(json!({"ManagedPolicyArns": vec!["x"; 11]})))),
        (
            "policy X",
            with(json!({"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy(6_144)}})),
        ),
        ("resources: 501 of 500", json!({ "Resources": many(501) })),
        ("routes: 301 of 300", with(function(json!({"Events": events(301)})))),
        ("parameters: 201 of 200", json!({ "Parameters": many(201) })),
        ("outputs: 201 of 200", json!({ "Outputs": many(201) })),
    ];
    for (expected, template) in cases {
        assert_exceeds(&template, expected);
    }
}

#[test]
fn each_quota_of_a_queue_and_its_reader_can_be_exceeded() {
    let with = |resource: Value| json!({"Resources": {"X": resource}});
    let queue = |properties: Value| json!({"Type": "AWS::SQS::Queue", "Properties": properties});
    let source = |kind: &str, properties: Value| {
        let events = json!({"Y": {"Type": kind, "Properties": properties}});
        json!({"Type": "AWS::Serverless::Function", "Properties": {"Events": events}})
    };
    let reading = |mut properties: Value, is_fifo: bool| {
        properties["Queue"] = json!({"Fn::GetAtt": ["Q", "Arn"]});
        json!({"Resources": {"X": source("SQS", properties), "Q": queue(json!({"FifoQueue": is_fifo}))}})
    };

    let cases = [
        ("message of X: 1048577 of 1048576", with(queue(json!({"MaximumMessageSize": 1_048_577})))),
        ("retention of X: 1209601 of 1209600", with(queue(json!({"MessageRetentionPeriod": 1_209_601})))),
        ("visibility timeout of X: 43201 of 43200", with(queue(json!({"VisibilityTimeout": 43_201})))),
        ("batch of XY: 11 of 10", reading(json!({"BatchSize": 11}), false)),
        (
            "batch of XY: 10001 of 10000",
            reading(json!({"BatchSize": 10_001, "MaximumBatchingWindowInSeconds": 1}), false),
        ),
        ("batching window of XY: 301 of 300", reading(json!({"MaximumBatchingWindowInSeconds": 301}), false)),
        ("batching window of XY: 1 of 0", reading(json!({"MaximumBatchingWindowInSeconds": 1}), true)),
        ("batch of XY: 10001 of 10000", with(source("DynamoDB", json!({"BatchSize": 10_001})))),
    ];
    for (expected, template) in cases {
        assert_exceeds(&template, expected);
    }
}

fn assert_exceeds(template: &Value, expected: &str) {
    let found = exceeded(template);
    assert!(found.len() == 1 && found[0].starts_with(expected), "{expected}: {found:?}");
}
