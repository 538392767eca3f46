//! The checks of a data folder.

use std::path::Path;

use local::{Request, Stack, StartError};
use serde_json::{Value, json};

use super::{
    check::{Check, Remedy},
    functions, keys, tables,
};
use crate::{dev::Parameters, error::CliError};

const FOLDER: Remedy = Remedy("fix the cause, or use another folder", "docs/operate/doctor.md");
const CANARY: Remedy = Remedy(
    "run `gatepost outbox stats`, and read the log of `gatepost dev` on standard error",
    "docs/operate/operating-events.md",
);
const DEAD_LETTERS: Remedy =
    Remedy("read the log of `gatepost dev` for the cause", "docs/operate/alarms.md#mailsundelivered");
const CLOCK: Remedy =
    Remedy("set this machine's clock: tokens and expiry depend on it", "docs/operate/doctor.md#clocks");

pub(crate) async fn checks(folder: &Path, parameters: &Parameters) -> Result<Vec<Check>, CliError> {
    if !folder.join("gatepost.db").is_file() {
        return Err(CliError::NoData(folder.to_owned()));
    }
    let stack = match parameters.set(Stack::folder(folder)).start() {
        Ok(stack) => stack,
        Err(busy @ StartError::FolderInUse(_)) => return Err(busy.into()),
        Err(error) => {
            return Ok(vec![Check::outcome("data folder", "usable", Err(error.to_string()), FOLDER)]);
        }
    };
    let mut checks = settings(&stack);
    for (id, wanted) in &stack.template().tables {
        let describe = |operation| stack.dynamodb(operation, &json!({"TableName": id})).unwrap_or_default();
        checks.extend(tables::checks(id, wanted, &describe("DescribeTable")["Table"]));
        checks.push(tables::expiry(id, wanted, &describe("DescribeTimeToLive")));
    }
    // Functions that issue tokens publish their key when they start. A function that cannot start has been
    // reported above.
    let _ = stack.warm().await;
    if let Ok(cloud) = stack.cloud("log-in") {
        checks.extend(keys::checks(&cloud, published_keys(&stack).await).await.unwrap_or_default());
    }
    checks.push(clock(&stack));
    checks.push(canary(&stack).await);
    checks.extend(dead_letters(&stack));
    Ok(checks)
}

fn settings(stack: &Stack) -> Vec<Check> {
    let functions = stack.template().functions.keys();
    let clouds = functions.filter_map(|name| Some((name, stack.cloud(name).ok()?)));
    clouds.map(|(name, cloud)| functions::settings(name, &cloud)).collect()
}

async fn published_keys(stack: &Stack) -> Result<Value, String> {
    let response = stack.request(Request::get("/.well-known/jwks.json")).await;
    match response.status {
        200 => serde_json::from_slice(&response.body).map_err(|_| "no key set".to_owned()),
        status => Err(format!("status {status} for the key set")),
    }
}

/// Checks that the events in the folder are not in the future.
fn clock(stack: &Stack) -> Check {
    let now = stack.clock().now().to_string();
    let last = stack.events().last().map(|event| event.time.clone());
    let found = match last {
        Some(last) if last > now => Err(format!("{last} in the folder, and {now} on the clock")),
        _ => Ok("no event in the future".to_owned()),
    };
    Check::outcome("clock", "no event in the future", found, CLOCK)
}

/// Sends a canary through table, stream, relay, bus and rule.
async fn canary(stack: &Stack) -> Check {
    let flown = async {
        stack.run_schedule("sweep-events").await.map_err(|error| error.to_string())?;
        stack.settle().await.map_err(|error| error.to_string())?;
        stack.metrics().get("CanaryAge").copied().ok_or_else(|| "the canary did not come back".to_owned())
    };
    let found = flown.await.map(|age| format!("back after {age} ms"));
    Check::outcome("the round trip of an event", "a canary that comes back", found, CANARY)
}

fn dead_letters(stack: &Stack) -> Vec<Check> {
    let queues = stack.template().queues.values();
    let dead = queues.filter_map(|queue| queue.dead_letters.as_ref().map(|(name, _)| name));
    let check = |name: &String| {
        let waiting = stack.waiting(name).len().to_string();
        Check::equal(format!("queue {name}: messages"), "0", waiting, DEAD_LETTERS).at_most_a_warning()
    };
    dead.map(check).collect()
}
