//! What the template deploys, as far as it matters on one machine.
//!
//! The template is the one source of truth for functions, routes, tables, streams, queues, rules
//! and schedules. What is in it and not understood here is refused, never skipped: a deployment
//! that differs from the laptop is found before it is deployed.

mod browsers;
mod intrinsics;
mod resources;
mod rights;
mod stored;
mod yaml;

use std::{collections::BTreeMap, time::Duration};

use domain::Timestamp;
use serde_json::Value;
use thiserror::Error;

use crate::pattern::Pattern;

pub use browsers::Cors;
pub use rights::{Right, rights};

/// The template of this build. It is compiled in, like the functions that it deploys: the two
/// always belong together, and the command works in any directory.
pub const OF_THIS_BUILD: &str = include_str!("../../../../template.yaml");

const DAY: Duration = Duration::from_hours(24);
pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const ACCOUNT: &str = "000000000000";
/// The bus that every account has, and that AWS's own services publish to.
pub const DEFAULT_BUS: &str = "default";

/// A template that cannot run locally, in one sentence.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the template cannot be run: {0}")]
pub struct TemplateError(String);

impl TemplateError {
    pub(crate) const fn new(problem: String) -> Self {
        Self(problem)
    }

    fn within(self, place: &str) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

/// What the template deploys.
#[derive(Debug, Default)]
pub struct Template {
    /// The functions, by the name of their folder.
    pub functions: BTreeMap<String, DeployedFunction>,
    /// The API's routes.
    pub routes: Vec<Route>,
    /// The pages of other origins that may call the API, if there are any.
    pub cors: Option<Cors>,
    /// The keys of the routes that API Gateway throttles apart from the others.
    pub throttled_apart: Vec<String>,
    /// The pages of other origins that may upload into a bucket, by the bucket's name.
    pub bucket_cors: BTreeMap<String, Cors>,
    /// The tables, by name.
    pub tables: BTreeMap<String, Table>,
    /// Which function reads which table's stream.
    pub streams: Vec<StreamSource>,
    /// Which function reads which queue.
    pub queue_sources: Vec<QueueSource>,
    /// The queues, by name.
    pub queues: BTreeMap<String, QueueResource>,
    /// The classic event buses.
    pub buses: Vec<String>,
    /// The custom event buses, and the classic one whose rules see what is published to each.
    pub custom_buses: BTreeMap<String, String>,
    /// Which events go to which queue.
    pub rules: Vec<Rule>,
    /// Which function runs how often.
    pub schedules: Vec<Schedule>,
    /// The secrets, by name.
    pub secrets: BTreeMap<String, GeneratedSecret>,
}

/// A function, as the template configures it.
#[derive(Debug)]
pub struct DeployedFunction {
    /// Its environment.
    pub settings: BTreeMap<String, String>,
    /// How long one call may take.
    pub timeout: Duration,
    /// Its memory, in MB.
    pub memory: u64,
}

/// A route of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method; `None` for any.
    pub method: Option<String>,
    /// The path, or `$default` for what no other route takes.
    pub path: String,
    /// The function that answers.
    pub function: String,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// The partition key's attribute; of an index by its name.
    pub partition_keys: BTreeMap<Option<String>, String>,
    /// The body of `CreateTable`.
    pub create: Value,
    /// The attribute that says when an item expires.
    pub expiry: Option<String>,
    /// Whether it can be restored to any moment of the last weeks.
    pub recovers: bool,
}

/// How a function reads a table's stream.
#[derive(Debug)]
pub struct StreamSource {
    /// The function.
    pub function: String,
    /// The table.
    pub table: String,
    /// At most so many records a call.
    pub batch_size: usize,
    /// Whether the function says which records failed.
    pub reports_failures: bool,
    /// Whether a batch that failed is tried again in halves.
    pub bisects: bool,
    /// Records that match none are skipped; without any, none is.
    pub filters: Vec<Pattern>,
}

/// How a function reads a queue.
#[derive(Debug)]
pub struct QueueSource {
    /// The function.
    pub function: String,
    /// The queue.
    pub queue: String,
    /// At most so many messages a call.
    pub batch_size: usize,
    /// Whether the function says which messages failed.
    pub reports_failures: bool,
    /// Whether the function is called with the message itself, one a call, as EventBridge does.
    pub direct: bool,
}

/// A queue.
#[derive(Debug, Clone)]
pub struct QueueResource {
    /// How long a message that was not handled stays hidden.
    pub visibility_timeout: Duration,
    /// The size of the largest message that the queue takes.
    pub max_message_bytes: usize,
    /// Where a message goes that was received too often, and how often that is.
    pub dead_letters: Option<(String, u32)>,
}

/// Which events go to which queues.
#[derive(Debug)]
pub struct Rule {
    /// Its logical id.
    pub id: String,
    /// The bus.
    pub bus: String,
    /// What matches.
    pub pattern: Pattern,
    /// Where it goes.
    pub queues: Vec<String>,
}

/// A function that runs again and again.
#[derive(Debug)]
pub struct Schedule {
    /// The logical id of its rule.
    pub id: String,
    /// The function.
    pub function: String,
    /// How often, as the template says it.
    pub expression: String,
    /// How often.
    pub every: Duration,
    /// At which time of the day, in UTC, if not whenever it began.
    pub(crate) time_of_day: Option<Duration>,
}

impl Route {
    /// The key that API Gateway knows the route by: `GET /v1/me`, `ANY /v1/me`, `$default`.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.method {
            Some(method) => format!("{method} {}", self.path),
            None if self.path.starts_with('$') => self.path.clone(),
            None => format!("ANY {}", self.path),
        }
    }
}

impl Schedule {
    /// How long after `now` it is due for the first time.
    #[must_use]
    pub fn first_in(&self, now: Timestamp) -> Duration {
        let Some(time_of_day) = self.time_of_day else { return self.every };
        let day = DAY.as_millis().cast_signed();
        let until = (time_of_day.as_millis().cast_signed() - i128::from(now.millis())).rem_euclid(day);
        // Less than a day.
        Duration::from_millis(u64::try_from(until).unwrap_or_default())
    }
}

/// A secret that is made once, at random.
#[derive(Debug, Clone)]
pub struct GeneratedSecret {
    /// The JSON object that the random text is put in.
    pub template: serde_json::Map<String, Value>,
    /// The field it is put in.
    pub key: String,
    /// How many random letters and digits.
    pub length: usize,
}

/// The parameters that do not have their default locally.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    /// What somebody chose; a parameter that the template does not have is refused.
    pub chosen: BTreeMap<String, String>,
    /// What follows from running on this machine.
    pub local: BTreeMap<String, String>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`] if it is no template, or has something that does not run locally.
    pub fn read(text: &str, parameters: &Parameters) -> Result<Self, TemplateError> {
        let document = yaml::read(text)?;
        let scope = intrinsics::Scope::new(&document, parameters)?;
        let template = resources::read(&document, &scope)?;
        template.check_names()?;
        Ok(template)
    }

    fn has_route(&self, key: &str) -> bool {
        self.routes.iter().any(|route| route.key() == key)
    }

    /// What a source, rule or queue names must be there.
    fn check_names(&self) -> Result<(), TemplateError> {
        let missing = |what: &str, name: &str| Err(TemplateError::new(format!("there is no {what} {name}")));
        if let Some(key) = self.throttled_apart.iter().find(|key| !self.has_route(key)) {
            return missing("route", key);
        }
        for table in self.streams.iter().map(|source| &source.table) {
            match self.tables.get(table) {
                Some(found) if found.create["StreamSpecification"].is_object() => {}
                _ => return missing("table with a stream", table),
            }
        }
        let dead_letters = self.queues.values().filter_map(|queue| Some(&queue.dead_letters.as_ref()?.0));
        let targets = self.rules.iter().flat_map(|rule| &rule.queues);
        let sources = self.queue_sources.iter().map(|source| &source.queue);
        if let Some(queue) =
            dead_letters.chain(targets).chain(sources).find(|q| !self.queues.contains_key(*q))
        {
            return missing("queue", queue);
        }
        let buses = self.rules.iter().map(|rule| &rule.bus).chain(self.custom_buses.values());
        match buses.into_iter().find(|bus| *bus != DEFAULT_BUS && !self.buses.contains(bus)) {
            Some(bus) => missing("bus", bus),
            None => Ok(()),
        }
    }
}

/// The ARN of a resource of this type and logical id.
pub(crate) fn arn(kind: &str, id: &str) -> Option<String> {
    let (service, path) = match kind {
        "AWS::DynamoDB::Table" => ("dynamodb", format!("table/{id}")),
        "AWS::SQS::Queue" => ("sqs", id.to_owned()),
        // The last part is what EventBridge adds to the name.
        "AWS::EventsV2::EventBus" => ("events", format!("event-busv2/{id}/0123456789abcdefghijklmno")),
        "AWS::Events::EventBus" => ("events", format!("event-bus/{id}")),
        "AWS::Events::Rule" => ("events", format!("rule/{id}")),
        "AWS::Serverless::Function" => ("lambda", format!("function:{id}")),
        "AWS::SecretsManager::Secret" => ("secretsmanager", format!("secret:{id}")),
        "AWS::IAM::Role" => return Some(format!("arn:aws:iam::{ACCOUNT}:role/{id}")),
        "AWS::S3::Bucket" => return Some(format!("arn:aws:s3:::{id}")),
        _ => return None,
    };
    Some(format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{path}"))
}

/// The template as it is written, its functions as `Fn::…` members.
///
/// # Errors
/// If the text is not YAML.
pub fn document(text: &str) -> Result<Value, TemplateError> {
    yaml::read(text)
}

/// The logical id of the function that is deployed from a folder: `ReadProfile` of `read-profile`.
#[must_use]
pub fn logical_id(folder: &str) -> String {
    let words = folder.split('-').filter_map(|word| word.split_at_checked(1));
    words.map(|(first, rest)| first.to_ascii_uppercase() + rest).collect()
}

/// The logical id in a name or an ARN.
pub(crate) fn id_of(reference: &str) -> &str {
    if !reference.starts_with("arn:") {
        return reference;
    }
    if let Some((_, custom_bus)) = reference.split_once(":event-busv2/") {
        return custom_bus.split('/').next().unwrap_or(custom_bus);
    }
    let before_stream = reference.split("/stream/").next().unwrap_or(reference);
    before_stream.rsplit([':', '/']).next().unwrap_or(reference)
}
