//! What a page of users costs, with few of them and with many.

use domain::{Applicant, Attributes, Email, Hashes, Newcomer, PasswordHash, Status, Timestamp, UserId};
use futures_util::{StreamExt, TryStreamExt, stream};
use local::calls::round_trips;
use stage::{Stage, Tokens};
use store::Store;

use crate::{
    Failed,
    measure::{median, micros, runtime, spent},
    table::Table,
};

const SIZES: [u32; 3] = [100, 1_000, 10_000];
const PAGES: u32 = 20;
const SAMPLES: usize = 15;
const AT_ONCE: usize = 32;
const CHUNK: u32 = 1_000;
/// Some of which there are few and some of which there are many, in both orders.
const SEARCHES: [&str; 5] = [
    "?limit=20",
    "?limit=20&status=suspended",
    "?limit=20&role=one-of-a-thousand",
    "?limit=20&email_prefix=u00",
    "?limit=100&sort=created_at",
];

pub(crate) fn run() -> Result<(), Failed> {
    let runtime = runtime()?;
    let mut table = Table::new(["", "users", "round trips", "queries", "read units", "a page"]);
    let mut rows = Vec::new();
    for size in SIZES {
        let stage = Stage::with(local::Setup::recording);
        let admin = runtime.block_on(async {
            let admin = stage.administrator("root@example.net").await;
            people(&stage, size).await.map(|()| admin)
        })?;
        for (at, search) in SEARCHES.iter().enumerate() {
            let page = || runtime.block_on(page(&stage, &admin, search));
            page()?;
            stage.forget_calls();
            page()?;
            let calls = stage.stack.calls();
            let units: f64 = calls
                .iter()
                .flat_map(|made| &made.capacity)
                .filter_map(|used| used["CapacityUnits"].as_f64())
                .sum();
            let queries = calls.iter().filter(|made| made.call.operation == "Query").count();
            let times = (0..SAMPLES).map(|_| spent(PAGES, || (0..PAGES).try_for_each(|_| page())));
            let wall = median(times.collect::<Result<Vec<_>, Failed>>()?.into_iter().map(|spent| spent.wall));
            let figures =
                [round_trips(&calls).to_string(), queries.to_string(), units.to_string(), micros(wall)];
            rows.push((at, size, figures));
            stage.forget_calls();
        }
    }
    rows.sort_by_key(|(at, size, _)| (*at, *size));
    for (at, size, [trips, queries, units, wall]) in rows {
        table.row([format!("`{}`", SEARCHES[at]), size.to_string(), trips, queries, units, wall]);
    }
    table.print(&format!("One page of `GET /v1/users`, locally: medians of {SAMPLES} batches of {PAGES}"));
    Ok(())
}

async fn page(stage: &Stage, admin: &Tokens, search: &str) -> Result<(), Failed> {
    match stage.get(&format!("/v1/users{search}"), &admin.access).await.status {
        200 => Ok(()),
        status => Err(format!("a page is answered {status}").into()),
    }
}

/// One in a hundred is suspended, one in a thousand has a role. Without events: what is listed is what is.
async fn people(stage: &Stage, count: u32) -> Result<(), Failed> {
    let store = Store::new(&stage.stack.cloud("register")?)?;
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
