//! The cost of a page of users over HTTP, with few of them and with many.

use std::{path::Path, time::Duration};

use serde_json::Value;

use crate::{
    Failed,
    client::Client,
    measure::{median, micros, times},
    people::{ADMINISTRATOR, People},
    process::Dev,
    table::Table,
};

/// The users of the deployments, if no other numbers are asked for.
const SIZES: [u32; 2] = [1_000, 100_000];
const PAGES: u32 = 40;
const SAMPLES: usize = 15;
/// Users of a page of the way to the middle.
const STRIDE: u32 = 100;
/// The page in the middle, before which half of the users are.
const MIDDLE: &str = "limit=20&cursor=…";
/// Each page is full at every size, so that it does the same work.
const SEARCHES: [&str; 6] = [
    "limit=20",
    MIDDLE,
    "limit=20&status=suspended",
    "limit=20&role=one-of-forty",
    "limit=20&email_prefix=u00000",
    "limit=100&sort=created_at",
];

/// A `gatepost dev` with so many users.
struct Deployment {
    users: u32,
    dev: Dev,
    admin: Client,
    /// Of the page in the middle.
    cursor: String,
    _people: People,
}

pub(crate) fn run(folder: &Path, sizes: impl Iterator<Item = String>) -> Result<(), Failed> {
    let sizes = sizes.map(|users| users.parse()).collect::<Result<Vec<u32>, _>>()?;
    let sizes = if sizes.is_empty() { SIZES.to_vec() } else { sizes };
    let deployments = sizes.into_iter().map(|users| Deployment::new(users, folder));
    let mut deployments = deployments.collect::<Result<Vec<_>, Failed>>()?;
    let mut table = Table::new(["", "users", "CPU of a page", "× the fewest users"]);
    for search in SEARCHES {
        let mut samples = vec![Vec::new(); deployments.len()];
        for sample in 0..=SAMPLES {
            for (deployment, samples) in deployments.iter_mut().zip(&mut samples) {
                let cpu = deployment.cpu_of_a_page(search)?;
                // The first warms up.
                if sample > 0 {
                    samples.push(cpu);
                }
            }
        }
        let medians: Vec<Duration> = samples.into_iter().map(|samples| median(samples.into_iter())).collect();
        for (deployment, cpu) in deployments.iter().zip(&medians) {
            let growth = times(*cpu, medians[0]);
            table.row([format!("`?{search}`"), deployment.users.to_string(), micros(*cpu), growth]);
        }
    }
    table.print(&format!(
        "One page of `GET /v1/users` of `gatepost dev`, over HTTP, from files: CPU of its process, medians of {SAMPLES} \
         batches of {PAGES}, in turns"
    ));
    Ok(())
}

impl Deployment {
    fn new(users: u32, binaries: &Path) -> Result<Self, Failed> {
        let people = People::new(binaries, &std::env::temp_dir(), &format!("listing-{users}"))?;
        people.users(&["import", &people.file("u", users, "")?, "--no-events"])?;
        people.administrator()?;
        let dev = Dev::start(&people.gatepost, &people.data)?;
        let admin = Client::logged_in(&dev.url, ADMINISTRATOR)?;
        let mut deployment = Self { users, dev, admin, cursor: String::new(), _people: people };
        for _ in 0..users / STRIDE / 2 {
            let page = deployment.page(&format!("limit={STRIDE}&cursor={}", deployment.cursor))?;
            page["next_cursor"].as_str().ok_or("no page in the middle")?.clone_into(&mut deployment.cursor);
        }
        Ok(deployment)
    }

    /// Access tokens do not last as long as a run.
    fn cpu_of_a_page(&mut self, search: &str) -> Result<Duration, Failed> {
        self.admin = Client::logged_in(&self.dev.url, ADMINISTRATOR)?;
        let before = self.dev.cpu()?;
        for _ in 0..PAGES {
            let page = self.page(search)?;
            let limit = search.strip_prefix("limit=").and_then(|rest| rest.split('&').next());
            if page["items"].as_array().map(|users| users.len().to_string()).as_deref() != limit {
                return Err(format!("?{search} of {} users is not a full page", self.users).into());
            }
        }
        Ok(self.dev.cpu()?.saturating_sub(before) / PAGES)
    }

    fn page(&self, search: &str) -> Result<Value, Failed> {
        let search = if search == MIDDLE { &search.replace('…', &self.cursor) } else { search };
        // No cursor is no parameter.
        let search = search.trim_end_matches("&cursor=");
        self.admin.get(&format!("/v1/users?{search}"))
    }
}
