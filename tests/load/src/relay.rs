//! How many events a second one shard's relay carries, and whether its memory stays flat.

use std::{
    fs,
    time::{Duration, Instant},
};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use cloud::{Clock, Cloud, Deadline, Function, Invocation, Log, Random, Settings};
use relay_events::RelayEvents;
use serde_json::{Value, json};

use crate::{
    Failed,
    measure::{median, runtime},
    table::Table,
};

const PUT_EVENTS: Duration = Duration::from_millis(20);
const WRITE: Duration = Duration::from_millis(8);
const READ: Duration = Duration::from_millis(4);
/// Records of one batch, as the template says.
const BATCH: u32 = 100;
const RUNS: usize = 9;
const MILLION: u32 = 1_000_000;

/// AWS, as slow as told: takes every event and every mark, and has delivered all that it is asked for.
#[derive(Clone, Copy, Debug)]
struct Aws {
    put_events: Duration,
    write: Duration,
    read: Duration,
}

impl Aws {
    const AT_ONCE: Self = Self { put_events: Duration::ZERO, write: Duration::ZERO, read: Duration::ZERO };
    const USUAL: Self = Self { put_events: PUT_EVENTS, write: WRITE, read: READ };

    async fn answer(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let operation = request.headers().get("x-amz-target").unwrap_or_default();
        let (time, answer) = match operation.rsplit('.').next() {
            Some("PutEvents") => (self.put_events, taken(request.body().bytes().unwrap_or_default())),
            Some("UpdateItem") => (self.write, json!({})),
            _ => (self.read, json!({"Item": {"state": {"S": "delivered"}}})),
        };
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
        let status = StatusCode::try_from(200_u16).map_err(|error| ConnectorError::user(error.into()))?;
        Ok(HttpResponse::new(status, SdkBody::from(answer.to_string())))
    }

    fn relay(self) -> Result<RelayEvents, Failed> {
        let settings = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("EVENTS_TABLE", "Events"),
            ("EVENT_BUS", "Bus"),
            ("EVENT_RETENTION_DAYS", "90"),
        ];
        let settings: Settings =
            settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let (http, nowhere) = (SharedHttpClient::new(self), Log::of(|_| ()));
        Ok(relay_events::function(&Cloud::new(settings, http, Clock::system(), Random::system(), nowhere))?)
    }
}

fn taken(request: &[u8]) -> Value {
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    let entries = request["Entries"].as_array().map_or(0, Vec::len);
    json!({"FailedEntryCount": 0, "Entries": vec![json!({"EventId": "1"}); entries]})
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.answer(request))
    }
}

impl HttpClient for Aws {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(*self)
    }
}

/// A batch of events of so many users, as Lambda hands it over: each user's next ones after `before`.
fn batch(users: u32, before: u32) -> Value {
    let now = Clock::system().now().millis();
    let record = |place: u32| {
        let (user, number) = (place % users, before + place / users + 1);
        let image = json!({
            "stream": {"S": format!("user#{user}")}, "seq": {"N": number.to_string()},
            "event_id": {"S": format!("{user}/{number}")}, "detail_type": {"S": "session.started"},
            "detail": {"S": json!({"specversion": "1.0", "data": {"session_id": "x".repeat(300)}}).to_string()},
            "created_at": {"N": now.to_string()}, "attempts": {"N": "0"}, "next_attempt_at": {"N": now.to_string()},
        });
        let keys = json!({"stream": image["stream"], "seq": image["seq"]});
        json!({"eventName": "INSERT", "dynamodb": {
            "SequenceNumber": format!("{user}/{number}"), "Keys": keys, "NewImage": image,
        }})
    };
    json!({"Records": (0..BATCH).map(record).collect::<Vec<_>>()})
}

async fn relay(function: &RelayEvents, batch: Value) -> Result<(), Failed> {
    let deadline = Deadline::after(Duration::from_mins(1));
    let invocation = Invocation { id: "1".to_owned(), xray: None, deadline };
    let failures = function.call(serde_json::from_value(batch)?, invocation).await?;
    if failures.identifiers().next().is_some() { Err("an event was not relayed".into()) } else { Ok(()) }
}

/// What the delays allow: a batch is read (each user's event before the first), published in waves of
/// four calls with ten entries, and its last marks are written.
fn bound(users: u32) -> f64 {
    let waves = BATCH.div_ceil(users);
    let rounds = users.div_ceil(10).div_ceil(4);
    let reads = users.div_ceil(16);
    let time = READ * reads + PUT_EVENTS * rounds * waves + WRITE;
    f64::from(BATCH) / time.as_secs_f64()
}

pub(crate) fn throughput() -> Result<(), Failed> {
    let mut table = Table::new([
        "events of a batch of 100",
        "a second",
        "bound by the delays",
        "of the bound",
        "without delays",
    ]);
    for (what, users) in [("each of another user", 100), ("ten of each user", 10), ("all of one user", 1)] {
        let slow = per_second(Aws::USUAL, users)?;
        let quick = per_second(Aws::AT_ONCE, users)?;
        table.row([
            what.to_owned(),
            format!("{slow:.0}"),
            format!("{:.0}", bound(users)),
            format!("{:.2}", slow / bound(users)),
            format!("{quick:.0}"),
        ]);
    }
    table.print(&format!(
        "Events that one shard's relay carries: 20 ms a PutEvents, 8 ms a write, 4 ms a read; medians of {RUNS} batches"
    ));
    Ok(())
}

fn per_second(aws: Aws, users: u32) -> Result<f64, Failed> {
    let function = aws.relay()?;
    let runtime = runtime()?;
    let mut times = Vec::new();
    for run in 0..=u32::try_from(RUNS)? {
        let batch = batch(users, run * BATCH);
        let began = Instant::now();
        runtime.block_on(relay(&function, batch))?;
        // The first one makes the clients.
        if run > 0 {
            times.push(began.elapsed());
        }
    }
    Ok(f64::from(BATCH) / median(times.into_iter()).as_secs_f64())
}

pub(crate) fn memory() -> Result<(), Failed> {
    let function = Aws::AT_ONCE.relay()?;
    let runtime = runtime()?;
    let mut table = Table::new(["events relayed", "resident memory"]);
    for round in 0..MILLION / BATCH {
        if round.is_power_of_two() && round >= 128 || round == 1 {
            table.row([(round * BATCH).to_string(), resident()?]);
        }
        runtime.block_on(relay(&function, batch(10, round * BATCH / 10)))?;
    }
    table.row([MILLION.to_string(), resident()?]);
    table.print("Memory of a process that relays a million events");
    Ok(())
}

/// What the kernel says of this process.
pub(crate) fn resident() -> Result<String, Failed> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(format!("{:.1} MB", kib / 1024.0))
}
