//! Numbers for CloudWatch, in its embedded metric format: a line of the log, and no call.

use std::{fmt, io::Write, sync::Arc, time::Duration};

use domain::Timestamp;
use serde_json::json;

use crate::{Clock, Settings};

/// CloudWatch's namespace of all metrics.
const NAMESPACE: &str = "Gatepost";

/// Takes numbers.
#[derive(Clone)]
pub struct Metrics(Arc<dyn Fn(Metric) + Send + Sync>);

/// A number at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// What it counts, e.g. `DeadEvents`.
    pub name: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// How much.
    pub value: u64,
}

/// What a metric is counted in, of those that CloudWatch knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Milliseconds.
    Milliseconds,
}

impl Metrics {
    /// To standard output, which Lambda carries to CloudWatch. Each deployment has metrics of its
    /// own: the dimension `Stack` is the setting `STACK`.
    #[must_use]
    pub fn to_log(settings: &Settings, clock: Clock) -> Self {
        let stack = settings.optional("STACK").unwrap_or_default().to_owned();
        Self::of(move |metric| {
            // A log that takes nothing more is not worth failing for.
            let _ = writeln!(std::io::stdout(), "{}", metric.line(&stack, clock.now()));
        })
    }

    /// To whoever wants them.
    pub fn of(take: impl Fn(Metric) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Says how long something took, or has waited.
    pub fn put_time(&self, name: &'static str, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        (self.0)(Metric { name, unit: Unit::Milliseconds, value: millis });
    }

    /// Says how many there are.
    pub fn put_count(&self, name: &'static str, count: u64) {
        (self.0)(Metric { name, unit: Unit::Count, value: count });
    }
}

impl Metric {
    fn line(self, stack: &str, now: Timestamp) -> String {
        let unit = match self.unit {
            Unit::Count => "Count",
            Unit::Milliseconds => "Milliseconds",
        };
        let directive = json!({
            "Namespace": NAMESPACE,
            "Dimensions": [["Stack"]],
            "Metrics": [{"Name": self.name, "Unit": unit}],
        });
        let metadata = json!({"Timestamp": now.millis(), "CloudWatchMetrics": [directive]});
        json!({"_aws": metadata, "Stack": stack, self.name: self.value}).to_string()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let metric = Metric { name: "CanaryAge", unit: Unit::Milliseconds, value: 250 };

        let line = metric.line("gatepost", Timestamp::from_millis(1_795_230_000_000));

        assert!(!line.contains('\n'));
        let line: Value = serde_json::from_str(&line).expect("JSON");
        let expected = json!({
            "_aws": {
                "Timestamp": 1_795_230_000_000_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "Gatepost",
                    "Dimensions": [["Stack"]],
                    "Metrics": [{"Name": "CanaryAge", "Unit": "Milliseconds"}],
                }],
            },
            "Stack": "gatepost",
            "CanaryAge": 250,
        });
        assert_eq!(line, expected);
    }
}
