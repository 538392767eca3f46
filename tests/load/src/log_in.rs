//! Logging in, beside the hash that it cannot do without.

use std::sync::Mutex;

use local::{Request, Stack};
use serde_json::json;
use stage::Stage;

use crate::{
    Failed,
    cryptography::BareHash,
    measure::{Spent, cores, median, median_of, millis, per_second, runtime, spent, times},
    table::Table,
};

const BATCH: u32 = 10;
const BATCHES: u32 = 15;
/// Log-ins at once for each core: while one waits for its turn to hash, the core has another.
const CLIENTS_PER_CORE: usize = 2;

pub(crate) fn run() -> Result<(), Failed> {
    let stage = Stage::with(|setup| {
        setup
            .with_parameter("LogInAttemptsPerAddress", "15")
            .with_parameter("LogInAttemptsPerIp", "100000")
            .with_parameter("MailRequestsPerAddress", "100")
            .with_parameter("MailRequestsPerIp", "100000")
    });
    cost(&stage)?;
    rate(&stage)
}

/// CPU time of one log-in, in turns with the bare hash.
fn cost(stage: &Stage) -> Result<(), Failed> {
    let runtime = runtime()?;
    let mut bare = BareHash::new()?;
    let (mut log_ins, mut hashes, mut wiped) = (Vec::new(), Vec::new(), Vec::new());
    for batch in 0..BATCHES {
        // A new one each time: an address has 100 attempts a day.
        let email = format!("cost-{batch}@example.com");
        runtime.block_on(async {
            stage.registered(&email).await;
            stage.log_in(&email).await.expect(201);
        });
        log_ins.push(spent(BATCH, || {
            runtime.block_on(async {
                for _ in 0..BATCH {
                    stage.log_in(&email).await.expect(201);
                }
            });
            Ok(())
        })?);
        bare.hash()?;
        hashes.push(spent(BATCH, || (0..BATCH).try_for_each(|_| bare.hash()))?);
        wiped.push(spent(BATCH, || (0..BATCH).try_for_each(|_| bare.hash().map(|()| bare.wipe())))?);
    }
    let (log_in, hash) = (median_of(&log_ins), median_of(&hashes));
    let mut table = Table::new(["", "CPU", "wall", "× floor (CPU)"]);
    let mut row = |name: &str, spent: Spent| {
        table.row([name.to_owned(), millis(spent.cpu), millis(spent.wall), times(spent.cpu, hash.cpu)]);
    };
    row("floor: Argon2id m=19456 t=2 p=1, memory kept", hash);
    row("peer: the same, its memory wiped after each", median_of(&wiped));
    row("log in, with the local cloud in the same process", log_in);
    table.print(&format!("One log-in: medians of {BATCHES} batches of {BATCH}, in turns; budget 1.05 ×"));
    Ok(())
}

/// Log-ins a second on all cores, in turns with bare hashes on all cores.
fn rate(stage: &Stage) -> Result<(), Failed> {
    let (cores, clients) = (cores(), cores() * CLIENTS_PER_CORE);
    let bare = (0..cores).map(|_| Ok(Mutex::new(BareHash::new()?))).collect::<Result<Vec<_>, Failed>>()?;
    let (mut log_ins, mut hashes) = (Vec::new(), Vec::new());
    for round in 0..BATCHES {
        let email = |client| format!("rate-{round}-{client}@example.com");
        runtime()?.block_on(async {
            for client in 0..clients {
                stage.registered(&email(client)).await;
            }
        });
        log_ins.push(per_second(clients, BATCH, |client| log_in_often(&stage.stack, &email(client)))?);
        let twice = 2 * BATCH;
        hashes.push(per_second(cores, twice, |core| {
            let mut bare = bare[core].lock().map_err(|_| "a thread panicked")?;
            (0..twice).try_for_each(|_| bare.hash())
        })?);
    }
    let (log_ins, hashes) = (median(log_ins.into_iter()), median(hashes.into_iter()));
    let mut table = Table::new(["", "a second", "× floor"]);
    let mut row = |name: String, rate: f64| {
        table.row([name, format!("{rate:.1}"), format!("{:.2} ×", rate / hashes)]);
    };
    row(format!("floor: bare hashes on {cores} threads"), hashes);
    row(format!("log-ins of {clients} clients at once"), log_ins);
    table.print(&format!("On {cores} cores at once: medians of {BATCHES} rounds, in turns; budget 0.95 ×"));
    Ok(())
}

/// One client, with a runtime of its own as each Lambda environment has.
fn log_in_often(stack: &Stack, email: &str) -> Result<(), Failed> {
    let request = Request::post("/v1/sessions", &json!({"email": email, "password": stage::PASSWORD}));
    runtime()?.block_on(async {
        for _ in 0..BATCH {
            match stack.request(request.clone()).await.status {
                201 => {}
                status => return Err(format!("a log-in is answered {status}").into()),
            }
        }
        Ok(())
    })
}
