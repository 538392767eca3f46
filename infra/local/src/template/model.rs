//! The parts of a deployment.

use std::{collections::BTreeMap, time::Duration};

use domain::Timestamp;
use serde_json::Value;

use super::{browsers::Cors, error::TemplateError, pattern::Pattern};

pub(super) const DAY: Duration = Duration::from_hours(24);
/// The bus that every account has, and that AWS's own services publish to.
pub const DEFAULT_BUS: &str = "default";

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

impl Template {
    fn has_route(&self, key: &str) -> bool {
        self.routes.iter().any(|route| route.key() == key)
    }

    /// What a source, rule or queue names must be there.
    pub(super) fn check_names(&self) -> Result<(), TemplateError> {
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
