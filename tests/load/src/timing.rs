//! The time of refused log-ins by kind of address, beside that of an unknown address, with controls that are known to
//! differ.

use std::time::{Duration, Instant};

use domain::UserId;
use serde_json::json;
use stage::{ADA, Stage};
use store::Identities;

use crate::{
    Failed,
    measure::{median, millis, runtime, times},
    table::Table,
};

/// Attempts that need not wait.
const FREE: usize = 10;
const ROUNDS: usize = 40;
/// Steps that reach every kind.
const STRIDES: [usize; 6] = [1, 2, 4, 5, 7, 8];
const DAY: Duration = Duration::from_hours(24);
/// A control that is told apart less often than this says that the program measures nothing.
const TOLD_APART: f64 = 0.99;

/// The request of a sample.
#[derive(Clone, Copy)]
enum Attempt {
    /// A wrong password for an address.
    At(&'static str),
    /// A password that is too long for any: it is refused without a hash.
    WithoutHash,
    /// The same as for an unknown address, and one read more.
    OneReadMore,
}

const UNKNOWN: &str = "unknown@example.com";
/// The first one is what the others are compared with.
const KINDS: [(&str, Attempt); 9] = [
    ("unknown", Attempt::At(UNKNOWN)),
    ("another unknown one", Attempt::At("other@example.com")),
    ("known", Attempt::At("known@example.com")),
    ("suspended", Attempt::At("suspended@example.com")),
    ("waits for erasure", Attempt::At("deleting@example.com")),
    ("imported, MD5 under Argon2id", Attempt::At("weak@example.com")),
    ("imported, bcrypt of cost 10", Attempt::At("strong@example.com")),
    ("control: unknown, and one read more", Attempt::OneReadMore),
    ("control: no hash", Attempt::WithoutHash),
];

pub(crate) fn run() -> Result<(), Failed> {
    let stage = Stage::with(|setup| setup.with_parameter("LogInAttemptsPerIp", "100000"));
    let runtime = runtime()?;
    let samples = runtime.block_on(async {
        prepare(&stage).await;
        measure(&stage).await
    })?;
    let [unknown, .., without_hash] = &samples[..] else { return Err("no samples".into()) };
    let mut table = Table::new(["refused log-in at an address that is", "median", "× unknown", "AUC"]);
    let reference = median(unknown.iter().copied());
    for ((name, _), sample) in KINDS.iter().zip(&samples) {
        let middle = median(sample.iter().copied());
        let told = format!("{:.3}", area_under_curve(unknown, sample));
        table.row([(*name).to_owned(), millis(middle), times(middle, reference), told]);
    }
    let count = ROUNDS * FREE;
    table.print(&format!("Wall time of {count} log-ins of each kind, in turns; an AUC of 0.5 tells nothing"));
    let told_apart = area_under_curve(without_hash, unknown);
    if told_apart < TOLD_APART {
        return Err(format!("the control without a hash was not told apart: {told_apart:.3}").into());
    }
    Ok(())
}

async fn prepare(stage: &Stage) {
    let admin = stage.administrator(ADA).await;
    for email in ["known@example.com", "suspended@example.com", "deleting@example.com"] {
        let user = stage.registered(email).await;
        match email {
            "suspended@example.com" => drop(stage.suspend(&admin.access, &user).await.expect(200)),
            "deleting@example.com" => drop(stage.delete_user(&admin.access, &user).await.expect(204)),
            _ => {}
        }
    }
    stage.imported("weak@example.com", "md5$salt$5d41402abc4b2a76b9719d911017c592").await;
    let bcrypt = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
    stage.imported("strong@example.com", bcrypt).await;
    stage.settle().await;
}

/// Returns the times of each kind. The kinds take turns, in changing orders.
async fn measure(stage: &Stage) -> Result<Vec<Vec<Duration>>, Failed> {
    let cloud = stage.stack.cloud("log-in")?;
    let identities = Identities::new(&cloud)?;
    let mut samples = vec![Vec::new(); KINDS.len()];
    for round in 0..ROUNDS {
        // All attempts are free again; the first one reads the secret and the roles.
        stage.pass(DAY);
        attempt(stage, &identities, Attempt::At("warm@example.com")).await?;
        for turn in 0..FREE {
            // Another order each time: a log-in that follows one without a hash is not like the others.
            let stride = STRIDES[(round + turn) % STRIDES.len()];
            for place in 0..KINDS.len() {
                let kind = (place * stride + round) % KINDS.len();
                samples[kind].push(attempt(stage, &identities, KINDS[kind].1).await?);
            }
        }
    }
    Ok(samples)
}

async fn attempt(stage: &Stage, identities: &Identities, attempt: Attempt) -> Result<Duration, Failed> {
    let (email, password) = match attempt {
        Attempt::At(email) => (email, "not the password at all".to_owned()),
        Attempt::OneReadMore => ("control@example.com", "not the password at all".to_owned()),
        Attempt::WithoutHash => (UNKNOWN, "x".repeat(2_000)),
    };
    let began = Instant::now();
    if let Attempt::OneReadMore = attempt {
        let nobody: UserId = "01a1fc0b-e380-7268-9abc-39d8ac7b1e72".parse()?;
        identities.user(nobody).await?;
    }
    let answer = stage.post("/v1/sessions", json!({"email": email, "password": password})).await;
    let time = began.elapsed();
    if answer.status == 401 { Ok(time) } else { Err(format!("{email}: {}", answer.status).into()) }
}

/// How often a value of `other` is greater than one of `reference`; one that is equal counts half.
fn area_under_curve(reference: &[Duration], other: &[Duration]) -> f64 {
    let points = |one: &Duration, against: &Duration| match one.cmp(against) {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Less => 0.0,
    };
    let pairs = other.iter().flat_map(|one| reference.iter().map(move |against| points(one, against)));
    let (mut sum, mut count) = (0.0, 0.0);
    for point in pairs {
        sum += point;
        count += 1.0;
    }
    sum / count
}
