//! An idle `gatepost dev`, with few users and with many; and its memory after some thousand requests.

use std::{path::Path, thread, time::Duration};

use serde_json::json;

use crate::{
    Failed,
    client::Client,
    people::{ADMINISTRATOR, People},
    process::Dev,
    table::Table,
};

/// The users of the deployments, if no other numbers are asked for.
const SIZES: [u32; 2] = [1_000, 76_000];
const SETTLING: Duration = Duration::from_secs(20);
const IDLE: Duration = Duration::from_mins(3);
const ROUNDS: u32 = 5;
const REQUESTS: u32 = 1_000;

pub(crate) fn run(binaries: &Path, sizes: impl Iterator<Item = String>) -> Result<(), Failed> {
    let sizes = sizes.map(|users| users.parse()).collect::<Result<Vec<u32>, _>>()?;
    let mut table = Table::new(["users", "CPU of an idle minute", "memory"]);
    for users in if sizes.is_empty() { SIZES.to_vec() } else { sizes } {
        let people = People::new(binaries, &std::env::temp_dir(), "idle")?;
        people.users(&["import", &people.file("u", users, "")?, "--no-events"])?;
        let dev = Dev::start(&people.gatepost, &people.data)?;
        thread::sleep(SETTLING);
        let before = dev.cpu()?;
        thread::sleep(IDLE);
        let minutes = IDLE.as_secs_f64() / 60.0;
        let cpu = (dev.cpu()?.saturating_sub(before)).as_secs_f64() * 1_000.0 / minutes;
        table.row([users.to_string(), format!("{cpu:.0} ms"), mib(dev.memory_kib()?)]);
    }
    table.print(&format!("`gatepost dev` without a request, {} minutes", IDLE.as_secs() / 60));
    memory(binaries)
}

/// Each request is a change with its event.
fn memory(binaries: &Path) -> Result<(), Failed> {
    let people = People::new(binaries, &std::env::temp_dir(), "memory")?;
    people.administrator()?;
    let dev = Dev::start(&people.gatepost, &people.data)?;
    let mut table = Table::new(["requests so far", "memory"]);
    table.row(["0".to_owned(), mib(dev.memory_kib()?)]);
    let client = Client::logged_in(&dev.url, ADMINISTRATOR)?;
    for round in 1..=ROUNDS {
        for number in 0..REQUESTS {
            client.patch("/v1/me", &json!({"first_name": format!("Ada {number}")}))?;
        }
        table.row([(round * REQUESTS).to_string(), mib(dev.memory_kib()?)]);
    }
    table.print("Memory of `gatepost dev` after requests that each publish an event");
    Ok(())
}

fn mib(kib: u64) -> String {
    format!("{} MiB", kib / 1_024)
}
