//! The log line of an invocation. Its numbers are also metrics, in CloudWatch's embedded format, so they need
//! no calls.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    io::{IsTerminal, Write as _},
    sync::Arc,
};

use domain::Timestamp;
use serde_json::{Value, json};

use crate::logging::ascii;

/// CloudWatch's namespace of all metrics.
const NAMESPACE: &str = "Gatepost";

/// A destination of log lines.
#[derive(Clone)]
pub struct Log(Arc<dyn Fn(&Line) + Send + Sync>);

/// The log line of one invocation.
#[derive(Clone, Debug)]
pub struct Line {
    pub(crate) at: Timestamp,
    pub(crate) message: &'static str,
    /// The stack, which is the dimension of the metrics.
    pub(crate) stack: String,
    pub(crate) function: String,
    /// Fields that are not metrics, in `snake_case`.
    pub(crate) facts: BTreeMap<&'static str, Value>,
    pub(crate) metrics: Vec<Metric>,
}

/// The value of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The name, e.g. `DeadEvents`.
    pub name: &'static str,
    /// The unit.
    pub unit: Unit,
    /// The value.
    pub value: u64,
    /// Whether the function is a dimension too. Each function is then a separate metric with its own price.
    pub by_function: bool,
}

/// The units of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A duration in milliseconds.
    Milliseconds,
}

impl Log {
    /// Returns the log on standard output, which Lambda sends to CloudWatch. On a terminal it is text.
    #[must_use]
    pub fn to_output() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        Self::of(move |line| {
            let line = if is_terminal { line.text() } else { line.json() };
            // A log that cannot be written must not fail the invocation.
            let _ = writeln!(std::io::stdout(), "{line}");
        })
    }

    /// Creates a log that calls `take`.
    pub fn of(take: impl Fn(&Line) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    pub(crate) fn write(&self, line: &Line) {
        (self.0)(line);
    }
}

impl Line {
    /// Returns the function of the invocation.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    /// Returns the metrics of the line.
    #[must_use]
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// Returns the line for CloudWatch: one JSON object of ASCII characters.
    #[must_use]
    pub fn json(&self) -> String {
        let mut line = self.facts.clone();
        line.extend(self.metrics.iter().map(|metric| (metric.name, metric.value.into())));
        line.insert("timestamp", self.at.to_string().into());
        line.insert("level", "INFO".into());
        line.insert("message", self.message.into());
        line.insert("Stack", self.stack.clone().into());
        line.insert("Function", self.function.clone().into());
        let directives: Vec<_> = [false, true].into_iter().filter_map(|by| self.directive(by)).collect();
        if !directives.is_empty() {
            let metadata = json!({"Timestamp": self.at.millis(), "CloudWatchMetrics": directives});
            line.insert("_aws", metadata);
        }
        ascii(&json!(line).to_string())
    }

    /// Returns the directive that declares metrics, with or without the function as a dimension.
    fn directive(&self, by_function: bool) -> Option<Value> {
        let metrics = self.metrics.iter().filter(|metric| metric.by_function == by_function);
        let metrics: Vec<_> =
            metrics.map(|metric| json!({"Name": metric.name, "Unit": metric.unit.name()})).collect();
        let dimensions: &[&str] = if by_function { &["Stack", "Function"] } else { &["Stack"] };
        let directive = json!({"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics});
        (!metrics.is_empty()).then_some(directive)
    }

    /// Returns the line for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{} {} {}", self.at, self.function, self.message);
        let metrics = self.metrics.iter().map(|metric| (metric.name, json!(metric.value)));
        for (name, value) in self.facts.iter().map(|(name, value)| (*name, value.clone())).chain(metrics) {
            // Writing to a string cannot fail.
            let _ = match value {
                Value::String(value) => write!(text, " {name}={}", value.escape_debug()),
                value => write!(text, " {name}={value}"),
            };
        }
        ascii(&text)
    }
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(fact: &str) -> Line {
        let metric = |name, unit, by_function| Metric { name, unit, value: 250, by_function };
        Line {
            at: Timestamp::from_millis(1_795_230_000_000),
            message: "answered",
            stack: "gatepost".to_owned(),
            function: "log-in".to_owned(),
            facts: [("correlation_id", fact.into())].into(),
            metrics: vec![
                metric("Latency", Unit::Milliseconds, false),
                metric("Failures", Unit::Count, true),
            ],
        }
    }

    #[test]
    fn a_line_has_the_format_of_cloudwatch() {
        let read: Value = serde_json::from_str(&line("c").json()).expect("JSON");

        let expected = json!({
            "_aws": {
                "Timestamp": 1_795_230_000_000_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "Gatepost",
                    "Dimensions": [["Stack"]],
                    "Metrics": [{"Name": "Latency", "Unit": "Milliseconds"}],
                }, {
                    "Namespace": "Gatepost",
                    "Dimensions": [["Stack", "Function"]],
                    "Metrics": [{"Name": "Failures", "Unit": "Count"}],
                }],
            },
            "timestamp": "2026-11-21T03:00:00Z",
            "level": "INFO",
            "message": "answered",
            "Stack": "gatepost",
            "Function": "log-in",
            "correlation_id": "c",
            "Latency": 250,
            "Failures": 250,
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn no_value_creates_another_line() {
        let hostile = "a\r\nb\u{1b}[2J\u{9b}31m\u{2028}\u{202e}\"},{\"message\":\"forged\"} level=ERROR";

        let (json, text) = (line(hostile).json(), line(hostile).text());

        for written in [&json, &text] {
            assert!(written.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{written}");
        }
        let read: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!((&read["correlation_id"], &read["message"]), (&json!(hostile), &json!("answered")));
    }
}
