//! The cost of an idle deployment for a month, computed from the template and from one hour of its schedules.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cloud::Line;
use local::{Stack, template};
use serde_json::Value;
use stage::Stage;

use crate::{Failed, measure::runtime, table::Table};

const PRICES: &str = include_str!("../prices.json");
const HOURS_A_MONTH: f64 = 730.0;
const MINUTE: Duration = Duration::from_mins(1);
const MINUTES: u64 = 60;

/// The usage of a month, by the name of its price.
type Usage = BTreeMap<&'static str, f64>;

pub(crate) fn run() -> Result<(), Failed> {
    let document: Value = serde_json::from_str(PRICES)?;
    let mut usage = standing()?;
    usage.extend(working(&document["assumed"])?);

    let mut table = Table::new(["a month of an idle deployment", "used", "free", "USD"]);
    let (mut total, mut total_without_free) = (0.0, 0.0);
    for (name, used) in usage {
        let price = &document["prices"][name];
        let number = |field: &str| price[field].as_f64().ok_or(format!("{name} has no {field}"));
        let (usd, per, free) = (number("usd")?, number("per")?, number("free")?);
        let cost = (used - free).max(0.0) / per * usd;
        total += cost;
        total_without_free += used / per * usd;
        table.row([name.to_owned(), format!("{used:.3}"), format!("{free}"), format!("{cost:.2}")]);
    }
    table.row(["**together**".to_owned(), String::new(), String::new(), format!("**{total:.2}**")]);
    let unless = "where other systems have used up what is free".to_owned();
    table.row([unless, String::new(), String::new(), format!("{total_without_free:.2}")]);
    let (region, date) = (&document["region"], &document["as_of"]);
    table.print(&format!("Prices of {region} on {date}, from tests/load/prices.json."));
    Ok(())
}

/// Resources that are paid for being there.
fn standing() -> Result<Usage, Failed> {
    let document = template::document(template::OF_THIS_BUILD)?;
    let resources = || document["Resources"].as_object().into_iter().flatten();
    let count = |kind: &str| {
        let of_kind = resources().filter(|(_, resource)| resource["Type"] == kind && !is_optional(resource));
        u32::try_from(of_kind.count()).map(f64::from)
    };
    Ok(BTreeMap::from([
        ("alarms", count("AWS::CloudWatch::Alarm")?),
        ("dashboards", count("AWS::CloudWatch::Dashboard")?),
        ("secrets", count("AWS::SecretsManager::Secret")?),
    ]))
}

/// A resource with a condition is there only if a parameter asks for it.
fn is_optional(resource: &Value) -> bool {
    resource["Condition"].is_string()
}

/// The usage of an hour of schedules, times the hours of a month.
fn working(assumed: &Value) -> Result<Usage, Failed> {
    let lines: Arc<Mutex<Vec<Line>>> = Arc::default();
    let log = Arc::clone(&lines);
    let take = move |line: &Line| log.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
    let stage = Stage::of(Stack::memory().recording().logging_to(take));
    let runs = runtime()?.block_on(an_hour(&stage))?;

    let lines = std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner));
    let calls = stage.stack.calls();
    let made = |operation: &str| {
        let made = calls.iter().filter(|made| made.call.operation == operation);
        u32::try_from(made.count()).map(f64::from)
    };
    let units = |field: &str| -> f64 { lines.iter().filter_map(|line| member(line, field)).sum() };
    let memory = |line: &Line| {
        let function = stage.stack.template().functions.get(line.function());
        function
            .map_or(0.0, |function| f64::from(u32::try_from(function.memory).unwrap_or(u32::MAX)) / 1024.0)
    };
    let seconds = number(assumed, "milliseconds of an idle invocation")? / 1000.0;
    let polls = number(assumed, "requests a minute by which Lambda polls a queue")?;
    let queues = u32::try_from(stage.stack.template().queue_sources.len())?;
    let log_bytes: usize = lines.iter().map(|line| line.json().len()).sum();
    let metrics: BTreeSet<_> =
        lines.iter().flat_map(|line| line.metrics().iter().map(|metric| metric.name)).collect();

    let an_hour = BTreeMap::from([
        ("events", made("PutEvents")?),
        ("gigabyte-seconds", lines.iter().map(memory).sum::<f64>() * seconds),
        ("invocations", f64::from(u32::try_from(lines.len())?)),
        ("log gigabytes", f64::from(u32::try_from(log_bytes)?) / 1e9),
        ("queue requests", polls * 60.0 * f64::from(queues)),
        ("read units", units("read_units")),
        ("schedule runs", f64::from(runs)),
        ("secret reads", made("GetSecretValue")?),
        ("write units", units("write_units")),
    ]);
    let mut usage: Usage = an_hour.into_iter().map(|(name, used)| (name, used * HOURS_A_MONTH)).collect();
    usage.insert("metrics", f64::from(u32::try_from(metrics.len())?));
    Ok(usage)
}

fn member(line: &Line, name: &str) -> Option<f64> {
    serde_json::from_str::<Value>(&line.json()).ok()?[name].as_f64()
}

fn number(values: &Value, name: &str) -> Result<f64, Failed> {
    values[name].as_f64().ok_or_else(|| format!("prices.json does not say {name}").into())
}

/// Runs each schedule whenever it is due. Returns how often any was.
async fn an_hour(stage: &Stage) -> Result<u32, Failed> {
    let mut runs = 0;
    for minute in 1..=MINUTES {
        stage.pass(MINUTE);
        for schedule in &stage.stack.template().schedules {
            let every = schedule.every.as_secs() / MINUTE.as_secs();
            if minute.is_multiple_of(every) {
                stage.stack.run_schedule(&schedule.function).await?;
                runs += 1;
            }
        }
        stage.settle().await;
    }
    Ok(runs)
}
