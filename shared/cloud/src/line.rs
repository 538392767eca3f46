//! The line of the log that each invocation is. Its numbers are metrics as well, in CloudWatch's
//! embedded format: no call is made for them.

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

/// Takes lines.
#[derive(Clone)]
pub struct Log(Arc<dyn Fn(&Line) + Send + Sync>);

/// What one invocation says of itself.
#[derive(Clone, Debug)]
pub struct Line {
    pub(crate) at: Timestamp,
    pub(crate) message: &'static str,
    /// Whose metrics these are: each deployment has its own.
    pub(crate) stack: String,
    pub(crate) function: String,
    /// In `snake_case`: what is no metric.
    pub(crate) facts: BTreeMap<&'static str, Value>,
    pub(crate) metrics: Vec<Metric>,
}

/// A number at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// What it counts, e.g. `DeadEvents`.
    pub name: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// How much.
    pub value: u64,
    /// Whether it is told apart by function: each function is then a metric of its own, with a price.
    pub by_function: bool,
}

/// What a metric is counted in, of those that CloudWatch knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Milliseconds.
    Milliseconds,
}

impl Log {
    /// To standard output, which Lambda carries to CloudWatch; as text where somebody looks on.
    #[must_use]
    pub fn to_output() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        Self::of(move |line| {
            let line = if is_terminal { line.text() } else { line.json() };
            // A log that takes nothing more is not worth failing for.
            let _ = writeln!(std::io::stdout(), "{line}");
        })
    }

    /// To whoever wants them.
    pub fn of(take: impl Fn(&Line) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    pub(crate) fn write(&self, line: &Line) {
        (self.0)(line);
    }
}

impl Line {
    /// The function that was called.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The numbers in it that are metrics.
    #[must_use]
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// As CloudWatch reads it: one JSON object in one line, of ASCII only.
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

    /// Which members of the line are metrics, told apart by function or not.
    fn directive(&self, by_function: bool) -> Option<Value> {
        let metrics = self.metrics.iter().filter(|metric| metric.by_function == by_function);
        let metrics: Vec<_> =
            metrics.map(|metric| json!({"Name": metric.name, "Unit": metric.unit.name()})).collect();
        let dimensions: &[&str] = if by_function { &["Stack", "Function"] } else { &["Stack"] };
        let directive = json!({"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics});
        (!metrics.is_empty()).then_some(directive)
    }

    /// As people read it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{} {} {}", self.at, self.function, self.message);
        let metrics = self.metrics.iter().map(|metric| (metric.name, json!(metric.value)));
        for (name, value) in self.facts.iter().map(|(name, value)| (*name, value.clone())).chain(metrics) {
            // Writing to a text cannot fail.
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
    fn a_line_is_what_cloudwatch_reads() {
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
    fn nothing_in_a_line_makes_another_one() {
        let hostile = "a\r\nb\u{1b}[2J\u{9b}31m\u{2028}\u{202e}\"},{\"message\":\"forged\"} level=ERROR";

        let (json, text) = (line(hostile).json(), line(hostile).text());

        for written in [&json, &text] {
            assert!(written.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{written}");
        }
        let read: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!((&read["correlation_id"], &read["message"]), (&json!(hostile), &json!("answered")));
    }
}
