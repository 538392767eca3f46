//! Refreshing and reading the profile, beside the cryptography that they need.

use std::sync::Mutex;

use cloud::Clock;
use domain::{RateLimit, UserId};
use local::{Request, Stack};
use serde_json::{Value, json};
use stage::{Stage, Tokens};
use store::{Identities, Limit};

use crate::{
    Failed,
    cryptography::Keys,
    measure::{Spent, cores, median, median_of, micros, per_second, runtime, spent, times},
    table::Table,
};

const BATCH: u32 = 200;
const BATCHES: usize = 31;
const EMAIL: &str = "ada@example.com";

/// `POST /v1/sessions/refresh`.
pub(crate) fn refresh() -> Result<(), Failed> {
    let keys = Keys::new()?;
    let chain = |stack: Stack, tokens: Tokens| {
        let mut token = tokens.refresh;
        async move || {
            let request = Request::post("/v1/sessions/refresh", &json!({"refresh_token": token}));
            let response = stack.request(request).await;
            let answer: Value = response.json()?;
            answer["refresh_token"].as_str().ok_or("no refresh token")?.clone_into(&mut token);
            Ok(())
        }
    };
    let floor = ("HMAC twice, one ES256 signature", || keys.refresh());
    compare("refresh", floor, true, chain)
}

/// `GET /v1/me`.
pub(crate) fn read_profile() -> Result<(), Failed> {
    let keys = Keys::new()?;
    let read = |stack: Stack, tokens: Tokens| {
        let request = Request::get("/v1/me").bearer(&tokens.access);
        async move || match stack.request(request.clone()).await.status {
            200 => Ok(()),
            status => Err(format!("a profile is answered {status}").into()),
        }
    };
    compare("read profile", ("one ES256 verification", || keys.verify()), false, read)
}

/// Prints what a request costs, in turns with its floor and with the like calls of the tables; and
/// how many there are a second.
fn compare<F: AsyncFnMut() -> Result<(), Failed> + Send>(
    name: &str,
    (floor, cryptography): (&str, impl Fn() -> Result<(), Failed>),
    writes: bool,
    client: impl Fn(Stack, Tokens) -> F,
) -> Result<(), Failed> {
    let (stage, runtime) = (Stage::new(), runtime()?);
    let user = runtime.block_on(stage.registered(EMAIL));
    let tokens = Tokens::of(&runtime.block_on(stage.log_in(EMAIL)).expect(201).body);
    let mut request = client(stage.stack.clone(), tokens);
    let tables = TableCalls::of(&stage, &user, writes)?;
    let mut tables_alone = async || tables.call().await;
    let mut samples = [const { Vec::new() }; 3];
    for batch in 0..=BATCHES {
        let in_turns = [
            spent(BATCH, || (0..BATCH).try_for_each(|_| cryptography()))?,
            spent(BATCH, || runtime.block_on(often(&mut tables_alone)))?,
            spent(BATCH, || runtime.block_on(often(&mut request)))?,
        ];
        // The first warms up.
        for (samples, spent) in samples.iter_mut().zip(in_turns).filter(|_| batch > 0) {
            samples.push(spent);
        }
    }

    let [cryptography, calls, whole] = samples.map(|samples| median_of(&samples));
    let mut table = Table::new(["", "CPU", "wall", "× floor (CPU)"]);
    let mut row = |name: String, spent: Spent| {
        table.row([name, micros(spent.cpu), micros(spent.wall), times(spent.cpu, cryptography.cpu)]);
    };
    row(format!("floor: {floor}"), cryptography);
    let peer = if writes { "UpdateItem and GetItem" } else { "GetItem" };
    row(format!("peer: {peer} by the SDK on the embedded database"), calls);
    row(format!("{name}, the whole request"), whole);
    row(format!("{name}, without the peer"), whole.without(calls));
    table.print(&format!("One {name}: medians of {BATCHES} batches of {BATCH}, in turns; budget 2 ×"));
    rate(name, &client)
}

async fn often(request: &mut impl AsyncFnMut() -> Result<(), Failed>) -> Result<(), Failed> {
    for _ in 0..BATCH {
        request().await?;
    }
    Ok(())
}

/// How many requests a second the local cloud answers.
fn rate<F: AsyncFnMut() -> Result<(), Failed> + Send>(
    name: &str,
    client: &impl Fn(Stack, Tokens) -> F,
) -> Result<(), Failed> {
    let mut table = Table::new(["clients at once, each on a thread of its own", "a second"]);
    for threads in [1, cores()] {
        let stage = Stage::new();
        let mut clients = Vec::new();
        for user in 0..threads {
            let tokens = runtime()?.block_on(stage.signed_in(&format!("{user}@example.com")));
            clients.push(Mutex::new(client(stage.stack.clone(), tokens)));
        }
        let round = || {
            per_second(threads, BATCH, |thread| {
                let mut client = clients[thread].lock().map_err(|_| "a thread panicked")?;
                runtime()?.block_on(often(&mut *client))
            })
        };
        let rates = (0..BATCHES).map(|_| round()).collect::<Result<Vec<_>, Failed>>()?;
        table.row([threads.to_string(), format!("{:.0}", median(rates.into_iter()))]);
    }
    table.print(&format!("{name}, locally: medians of {BATCHES} rounds of {BATCH} requests each"));
    Ok(())
}

/// The calls of the tables alone: what the SDK and the embedded database cost.
struct TableCalls {
    identities: Identities,
    user: UserId,
    /// One that is never reached: an update of one item.
    limit: Limit,
    clock: Clock,
    writes: bool,
}

impl TableCalls {
    fn of(stage: &Stage, user: &Value, writes: bool) -> Result<Self, Failed> {
        let identities = Identities::new(&stage.stack.cloud("read-profile")?)?;
        let user: UserId = user["id"].as_str().unwrap_or_default().parse()?;
        let limit = Limit::of_user("load", user, RateLimit::of_source(u32::MAX));
        Ok(Self { identities, user, limit, clock: stage.stack.clock(), writes })
    }

    async fn call(&self) -> Result<(), Failed> {
        if self.writes {
            self.identities.reserve(std::slice::from_ref(&self.limit), self.clock.now()).await?;
        }
        self.identities.user(self.user).await?.ok_or("no user")?;
        Ok(())
    }
}
