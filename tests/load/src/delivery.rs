//! How long an event takes to the bus, and how long a backlog takes after an outage.

use std::time::{Duration, Instant};

use local::{
    News,
    calls::{Call, Fate},
};
use stage::{Stage, outbox::Outbox};
use tokio::net::TcpListener;

use crate::{
    Failed,
    measure::{millis, runtime},
    relay::resident,
    table::Table,
};

const EVENTS: usize = 2_000;
const BACKLOG: u32 = 100_000;
const OF_EACH_USER: u32 = 10;

pub(crate) fn latency() -> Result<(), Failed> {
    runtime()?.block_on(async {
        let stack = local::Stack::memory().start()?;
        let (outbox, mut news) = (Outbox::of(&stack), stack.news());
        stack.warm().await?;
        let running = stack.run(TcpListener::bind("127.0.0.1:0").await?);
        let mut times = Vec::new();
        for event in 0..EVENTS {
            outbox.commit(&format!("user#{event}"), 1).await;
            let committed = Instant::now();
            while !matches!(news.recv().await?, News::Event(_)) {}
            times.push(committed.elapsed());
        }
        running.stop().await;
        times.sort_unstable();
        let mut table = Table::new(["", "p50", "p99"]);
        let at = |percent: usize| millis(times[times.len() * percent / 100]);
        table.row(["commit to bus, local".to_owned(), at(50), at(99)]);
        table.print(&format!("{EVENTS} events, one after the other"));
        Ok(())
    })
}

pub(crate) fn catch_up() -> Result<(), Failed> {
    runtime()?.block_on(async {
        let mut table = Table::new(["", "time", "sweeps", "events a second", "resident memory"]);
        for (what, put_events, write) in
            [("the embedded database alone", 0, 0), ("20 ms a PutEvents, 8 ms a write", 20, 8)]
        {
            let stage = Stage::with(|setup| match put_events {
                0 => setup,
                _ => setup.watched_by(move |call: &Call| match call.operation.as_str() {
                    "PutEvents" => Fate::Delayed(Duration::from_millis(put_events)),
                    "UpdateItem" => Fate::Delayed(Duration::from_millis(write)),
                    _ => Fate::Proceed,
                }),
            });
            let outbox = Outbox::of(&stage.stack);
            for number in 1..=OF_EACH_USER {
                for user in 0..BACKLOG / OF_EACH_USER {
                    outbox.commit(&format!("user#{user}"), number.into()).await;
                }
            }
            stage.pass(Duration::from_hours(1));
            let (began, mut sweeps, mut left) = (Instant::now(), 0, u64::from(BACKLOG));
            while left > 0 {
                let swept = stage.stack.call("sweep-events", serde_json::json!({})).await?;
                left -= swept["delivered"]
                    .as_u64()
                    .filter(|delivered| *delivered > 0)
                    .ok_or("nothing was delivered")?;
                sweeps += 1;
            }
            let time = began.elapsed();
            table.row([
                what.to_owned(),
                format!("{:.1} s", time.as_secs_f64()),
                sweeps.to_string(),
                format!("{:.0}", f64::from(BACKLOG) / time.as_secs_f64()),
                resident()?,
            ]);
        }
        table.print("The sweeper delivers 100,000 events of 10,000 users that nobody else delivered");
        Ok(())
    })
}
