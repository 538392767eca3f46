//! What each use case asks of DynamoDB: how often it waits, and the units that it pays.

use local::{
    Request,
    calls::{Made, round_trips},
};
use serde_json::json;
use stage::{Answer, Stage, Tokens};

use crate::{Failed, measure::runtime, table::Table};

const EMAIL: &str = "ada@example.com";
/// One use case, its function, and its budget: round trips, write units, read units.
const REGISTER: UseCase = ("register", "register", Some([1.0, 5.0, 0.0]));
const RESEND: UseCase = ("resend the link", "resend-verification", None);
const VERIFY: UseCase = ("verify e-mail", "verify-registration", Some([2.0, 9.0, 1.0]));
/// Its middle round trip hides behind the hash.
const LOG_IN: UseCase = ("log in", "log-in", Some([3.0, 8.0, 2.0]));
const REFRESH: UseCase = ("refresh", "refresh-session", Some([1.0, 1.0, 1.0]));
const READ_PROFILE: UseCase = ("read profile", "read-profile", Some([1.0, 0.0, 1.0]));
const LOG_OUT: UseCase = ("log out", "log-out", Some([2.0, 7.0, 1.0]));
/// Of each event: the mark, and the item that leaves the index.
const RELAY: UseCase = ("its event relayed", "relay-events", Some([2.0, 2.0, 0.0]));
const MAIL: UseCase = ("its mail sent", "send-mail", None);
const SWEEP: UseCase = ("a sweep that finds nothing", "sweep-events", None);

type UseCase = (&'static str, &'static str, Option<[f64; 3]>);

pub(crate) fn run() -> Result<(), Failed> {
    runtime()?.block_on(async {
        let stage = Stage::with(local::Setup::recording);
        stage.stack.warm().await?;
        // All that is fetched once for a process.
        let mut unseen = table();
        journey(&stage, "first@example.com", &mut unseen).await?;
        let mut table = table();
        journey(&stage, EMAIL, &mut table).await?;
        stage.stack.run_schedule(SWEEP.1).await?;
        add(&mut table, &SWEEP, &stage.stack.calls());
        table.print("Calls of AWS that wait for one another, and units of DynamoDB; all that a process fetches once is fetched");
        Ok(())
    })
}

fn table() -> Table {
    Table::new(["", "round trips one after another", "write units", "read units", "budget"])
}

/// Each use case once, in the order of a life.
async fn journey(stage: &Stage, email: &str, table: &mut Table) -> Result<(), Failed> {
    stage.settle().await;
    stage.forget_calls();
    let mut step = async |use_case: &UseCase, answer: Answer, status: u16| {
        answer.expect(status);
        add(table, use_case, &stage.stack.calls());
        stage.settle().await;
        let afterwards = stage.stack.calls();
        for later in [&RELAY, &MAIL] {
            add(table, later, &afterwards);
        }
    };
    step(&REGISTER, stage.register(email).await, 202).await;
    let resend = Request::post("/v1/registrations/resend", &json!({"email": email}));
    step(&RESEND, stage.send(resend).await, 202).await;
    let token = stage.link(email).await;
    step(&VERIFY, stage.post("/v1/registrations/verify", json!({"token": token})).await, 201).await;
    let granted = stage.log_in(email).await;
    let tokens = Tokens::of(&granted.body);
    step(&LOG_IN, granted, 201).await;
    step(&REFRESH, stage.refresh(&tokens.refresh).await, 200).await;
    step(&READ_PROFILE, stage.get("/v1/me", &tokens.access).await, 200).await;
    step(&LOG_OUT, stage.log_out(&tokens.access).await, 204).await;
    Ok(())
}

/// A row of what the function of a use case did, if it did anything.
fn add(table: &mut Table, (name, function, budget): &UseCase, calls: &[Made]) {
    let own: Vec<_> = calls.iter().filter(|made| made.call.function == *function).collect();
    if own.is_empty() {
        return;
    }
    let reads = |made: &&&Made| matches!(made.call.operation.as_str(), "GetItem" | "Query" | "BatchGetItem");
    let total =
        |reading| own.iter().filter(|made| reads(made) == reading).fold(0.0, |sum, made| sum + units(made));
    let (read, written) = (total(true), total(false));
    let steps = round_trips(own.iter().copied());
    let budget = budget.map_or_else(
        || "–".to_owned(),
        |[steps, write, read]| format!("{steps} trips, {write} write, {read} read"),
    );
    table.row([(*name).to_owned(), steps.to_string(), written.to_string(), read.to_string(), budget]);
}

fn units(made: &Made) -> f64 {
    made.capacity.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum()
}
