//! One deployment: tables, functions, stream, mail and schedule, from its first item until the tables
//! are put back to an earlier moment.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cloud::{Clock, Random};
use fastrand::Rng;
use local::{News, Published, Stack};
use serde_json::{Value, json};
use tokio::{sync::broadcast::error::RecvError, task::JoinSet, time::sleep};

use crate::{
    System,
    history::Act,
    lambda::{self, Lambda},
    mapping::Stream,
    people::{self, Doing},
    play::Play,
};

/// The items of each table, as DynamoDB's JSON has them.
pub(crate) type Tables = BTreeMap<String, Vec<Value>>;

/// Each minute in truth: seldom is harder.
const SWEEPS: Duration = Duration::from_mins(5);
/// In this many, people are there.
const EARLY_SWEEPS: u32 = 12;
/// In the long time in which nothing else happens.
const LATER_SWEEPS: Duration = Duration::from_hours(1);
/// The events that a link is mailed for.
const MAILED: [&str; 5] = [
    "registration.requested",
    "password-reset.requested",
    "user.created",
    "user.email-change-requested",
    "user.password-reset-requested",
];
/// How often a mail is tried.
const MAIL_ATTEMPTS: u32 = 40;

/// One deployment.
pub(crate) struct Deployment {
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) stream: Arc<Stream>,
    play: Arc<Play>,
    /// What runs by itself.
    services: JoinSet<()>,
    /// What people and operators have set off.
    acting: JoinSet<()>,
}

impl Deployment {
    /// Deploys, with what is in the tables.
    #[expect(clippy::expect_used, reason = "a simulation that cannot start has no outcome")]
    pub(crate) fn start(play: &Arc<Play>, system: &System, tables: &Tables, epoch: u64) -> Self {
        let (watched, clocked) = (Arc::clone(play), Arc::clone(play));
        let secret = std::sync::Mutex::new(Rng::with_seed(0));
        let stack = Stack::memory()
            .with_parameter("EventEpoch", &epoch.to_string())
            // As little work as may be asked for.
            .with_parameter("Argon2MemoryKib", "7168")
            .with_parameter("Argon2Iterations", "5")
            .with_parameter("DeletionGraceDays", "0")
            .with_parameter("LogInAttemptsPerAddress", "15")
            .with_parameter("LogInAttemptsPerIp", "100000")
            .with_parameter("MailRequestsPerAddress", "100")
            .with_parameter("MailRequestsPerIp", "100000")
            .with_clock(Clock::of(move || clocked.time()))
            // The same secret in every deployment: people keep their passwords and tokens.
            .with_random(Random::of(move |bytes| secret.lock().expect("no panic before").fill(bytes)))
            .watched_by(move |call| lambda::fate(&watched, call))
            .start()
            .expect("the stack starts");
        fill(&stack, tables);
        let lambda = Arc::new(Lambda::new(stack, Arc::clone(play), system.relay));
        let stream = Arc::new(Stream::new(Arc::clone(&lambda), Arc::clone(play)));
        let mut services = JoinSet::new();
        services.spawn(deliver(Arc::clone(&lambda), Arc::clone(play)));
        let fed = Arc::clone(&stream);
        services.spawn(async move { fed.feed().await });
        if system.sweeps {
            services.spawn(sweep_again_and_again(Arc::clone(&lambda)));
        }
        Self { lambda, stream, play: Arc::clone(play), services, acting: JoinSet::new() }
    }

    /// Somebody does something, while all else goes on.
    pub(crate) fn act(&mut self, person: usize, act: Act) {
        let doing = Doing { lambda: Arc::clone(&self.lambda), play: Arc::clone(&self.play), person };
        self.acting.spawn(async move { doing.act(act).await });
    }

    /// Runs something else besides.
    pub(crate) fn run(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.acting.spawn(task);
    }

    /// Waits for all that people have begun.
    pub(crate) async fn settle(&mut self) {
        while self.acting.join_next().await.is_some() {}
    }

    /// What is in the tables, all at one moment.
    pub(crate) fn tables(&self) -> Tables {
        let names = self.lambda.stack.template().tables.keys();
        names.map(|name| (name.clone(), scan(&self.lambda.stack, name))).collect()
    }

    /// Lets go of everything: what runs is cut off.
    pub(crate) async fn end(mut self) {
        self.services.shutdown().await;
        self.acting.shutdown().await;
    }
}

fn fill(stack: &Stack, tables: &Tables) {
    for (table, items) in tables {
        for item in items {
            put(stack, table, item);
        }
    }
}

/// Writes an item, past all functions.
#[expect(clippy::expect_used, reason = "a simulation that cannot write its items has no outcome")]
pub(crate) fn put(stack: &Stack, table: &str, item: &Value) {
    stack.dynamodb("PutItem", &json!({"TableName": table, "Item": item})).expect("an item is written");
}

fn scan(stack: &Stack, table: &str) -> Vec<Value> {
    let mut request = json!({"TableName": table, "ConsistentRead": true});
    let mut items = Vec::new();
    loop {
        let page = stack.dynamodb("Scan", &request).unwrap_or_default();
        items.extend(page["Items"].as_array().into_iter().flatten().cloned());
        match page.get("LastEvaluatedKey") {
            Some(key) => request["ExclusiveStartKey"] = key.clone(),
            None => return items,
        }
    }
}

/// Brings events from the bus to the mail, and mails to people.
async fn deliver(lambda: Arc<Lambda>, play: Arc<Play>) {
    let mut news = lambda.stack.news();
    let mut sending = JoinSet::new();
    loop {
        match news.recv().await {
            Ok(News::Event(event)) => {
                play.published(&event);
                if MAILED.contains(&event.detail_type.as_str()) {
                    sending.spawn(send_mail(Arc::clone(&lambda), event));
                }
            }
            Ok(News::Mail(mail)) => people::got_mail(&play, &mail.to[0], &mail.links),
            Ok(News::Trouble(_)) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn send_mail(lambda: Arc<Lambda>, event: Published) {
    let body = json!({
        "version": "0", "id": event.id, "source": event.source, "detail-type": event.detail_type,
        "detail": event.detail,
    });
    let batch = json!({"Records": [{"messageId": "message", "body": body.to_string()}]}).to_string();
    for attempt in 1..=MAIL_ATTEMPTS {
        let answer = lambda.invoke("send-mail", batch.clone()).await;
        let failures = answer.as_ref().and_then(|answer| answer["batchItemFailures"].as_array());
        if failures.is_some_and(Vec::is_empty) {
            return;
        }
        sleep(Duration::from_secs(1) * attempt).await;
    }
}

async fn sweep_again_and_again(lambda: Arc<Lambda>) {
    for sweep in 0.. {
        sleep(if sweep < EARLY_SWEEPS { SWEEPS } else { LATER_SWEEPS }).await;
        lambda.invoke("sweep-events", "{}".to_owned()).await;
        if sweep < EARLY_SWEEPS {
            lambda.invoke("erase-users", "{}".to_owned()).await;
        }
    }
}
