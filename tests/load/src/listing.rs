//! What a page of users costs, with few of them and with many.

use std::path::Path;

use domain::{Applicant, Attributes, Email, Hashes, Newcomer, PasswordHash, Status, Timestamp, UserId};
use futures_util::{StreamExt, TryStreamExt, stream};
use local::{Stack, calls::round_trips};
use serde_json::Value;
use stage::{Stage, Tokens};
use store::Store;
use tokio::runtime::Runtime;

use crate::{
    Failed,
    folder::Folder,
    measure::{Spent, median_of, micros, runtime, spent, times},
    table::Table,
};

/// Of the deployments, if nothing else is asked for.
const SIZES: [u32; 2] = [1_000, 100_000];
const PAGES: u32 = 20;
const SAMPLES: usize = 15;
const AT_ONCE: usize = 32;
const CHUNK: u32 = 1_000;
/// How many a page of the way to the middle has.
const STRIDE: u32 = 100;
/// Some of which there are few and some of which there are many, in both orders.
const SEARCHES: [&str; 6] = [
    "limit=20",
    MIDDLE,
    "limit=20&status=suspended",
    "limit=20&role=one-of-a-thousand",
    "limit=20&email_prefix=u00",
    "limit=100&sort=created_at",
];
/// Of all users, half is before this page.
const MIDDLE: &str = "limit=20&cursor=…";

/// A deployment of so many users.
struct Deployment<'r> {
    runtime: &'r Runtime,
    users: u32,
    stage: Stage,
    admin: Tokens,
    /// Of the page in the middle.
    cursor: String,
    _folder: Folder,
}

pub(crate) fn run(folder: &Path, sizes: impl Iterator<Item = String>) -> Result<(), Failed> {
    let sizes = sizes.map(|users| users.parse()).collect::<Result<Vec<u32>, _>>()?;
    let sizes = if sizes.is_empty() { SIZES.to_vec() } else { sizes };
    let runtime = runtime()?;
    let deployments = sizes.into_iter().map(|users| Deployment::of(&runtime, users, folder));
    let deployments = deployments.collect::<Result<Vec<_>, Failed>>()?;
    let mut table = Table::new([
        "",
        "users",
        "round trips",
        "queries",
        "read units",
        "CPU of a page",
        "× the fewest users",
    ]);
    for search in SEARCHES {
        let mut samples = vec![Vec::new(); deployments.len()];
        for sample in 0..=SAMPLES {
            for (deployment, samples) in deployments.iter().zip(&mut samples) {
                let spent = spent(PAGES, || (0..PAGES).try_for_each(|_| deployment.page(search).map(drop)))?;
                // The first warms up.
                if sample > 0 {
                    samples.push(spent);
                }
            }
        }
        let medians: Vec<Spent> = samples.iter().map(|samples| median_of(samples)).collect();
        for (deployment, spent) in deployments.iter().zip(&medians) {
            let [trips, queries, units] = deployment.calls(search)?;
            let (search, users) = (format!("`?{search}`"), deployment.users.to_string());
            let (cpu, growth) = (micros(spent.cpu), times(spent.cpu, medians[0].cpu));
            table.row([search, users, trips, queries, units, cpu, growth]);
        }
    }
    table.print(&format!(
        "One page of `GET /v1/users`, locally, from files: medians of {SAMPLES} batches of {PAGES}, in turns"
    ));
    Ok(())
}

impl<'r> Deployment<'r> {
    fn of(runtime: &'r Runtime, users: u32, folder: &Path) -> Result<Self, Failed> {
        let folder = Folder::within(folder, &format!("listing-{users}"));
        let stage = Stage::of(Stack::folder(&folder.0).recording());
        let admin = runtime.block_on(async {
            let admin = stage.administrator("root@example.net").await;
            people(&stage, users).await.map(|()| admin)
        })?;
        let mut deployment = Self { runtime, users, stage, admin, cursor: String::new(), _folder: folder };
        for _ in 0..users / STRIDE / 2 {
            let page = deployment.page(&format!("limit={STRIDE}&cursor={}", deployment.cursor))?;
            page["next_cursor"].as_str().ok_or("no page in the middle")?.clone_into(&mut deployment.cursor);
        }
        Ok(deployment)
    }

    fn page(&self, search: &str) -> Result<Value, Failed> {
        let search = if search == MIDDLE { &search.replace('…', &self.cursor) } else { search };
        // No cursor is no parameter.
        let search = search.trim_end_matches("&cursor=");
        let path = format!("/v1/users?{search}");
        // What was asked for the page before would fill the memory.
        self.stage.forget_calls();
        let answer = self.runtime.block_on(self.stage.get(&path, &self.admin.access));
        match answer.status {
            200 => Ok(answer.body),
            status => Err(format!("a page is answered {status}").into()),
        }
    }

    /// Round trips, queries and read units of a page.
    fn calls(&self, search: &str) -> Result<[String; 3], Failed> {
        self.page(search)?;
        let calls = self.stage.stack.calls();
        let used = calls.iter().flat_map(|made| &made.capacity);
        let units: f64 = used.filter_map(|used| used["CapacityUnits"].as_f64()).sum();
        let queries = calls.iter().filter(|made| made.call.operation == "Query").count();
        Ok([round_trips(&calls).to_string(), queries.to_string(), units.to_string()])
    }
}

/// One in a hundred is suspended, one in a thousand has a role. Without events: what is listed is what is.
async fn people(stage: &Stage, count: u32) -> Result<(), Failed> {
    // Other work may have the machine.
    let store = Store::new(&stage.stack.cloud("register")?.patient())?;
    let admit = async |number: u32| -> Result<(), Failed> {
        let at = Timestamp::from_millis(1_790_000_000_000 + i64::from(number) * 1000);
        let email = Email::parse(&format!("u{number:06}@example.com"))?;
        let newcomer = Newcomer {
            id: UserId::of_origin(at, &number.to_string()),
            applicant: Applicant { email, first_name: None, last_name: None, locale: None },
            attributes: Attributes::default(),
            status: if number.is_multiple_of(100) { Status::Suspended } else { Status::Active },
            roles: number.is_multiple_of(1000).then(|| "one-of-a-thousand".to_owned()).into_iter().collect(),
            created_at: at,
            updated_at: at,
        };
        let none = PasswordHash { phc: String::new(), pepper_id: String::new() };
        let nothing = Hashes { present: none, previous: Vec::new() };
        let (user, credential) = newcomer.admit_silently(nothing);
        Ok(store.admit(&user, &credential, None).await?)
    };
    for first in (0..count).step_by(CHUNK as usize) {
        let some = stream::iter((first..count.min(first + CHUNK)).map(&admit)).map(Ok::<_, Failed>);
        some.try_for_each_concurrent(AT_ONCE, |admitted| admitted).await?;
        // What was asked for them is of no interest, and would fill the memory.
        stage.forget_calls();
    }
    Ok(())
}
