//! One running deployment of the template.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, PoisonError},
};

use cloud::{Clock, Cloud, Random};
use serde::Serialize;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::broadcast;

use crate::{
    activity::{Mail, News, Published},
    aws::{Services, sqs::Queue},
    functions::CallFailed,
    gateway::{Gateway, Request, Response},
    lambda::{self, Host, InvocationType, QueueReader, Step, StreamReader, StreamRecord},
    recorder::calls::Made,
    start_error::StartError,
    storage::Folder,
    template::{ACCOUNT, REGION, Template},
};

/// The cloud in one process: what the template deploys, running. Cheap to clone.
#[derive(Clone)]
pub struct Stack(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) services: Arc<Services>,
    pub(crate) host: Arc<Host>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) streams: Vec<StreamReader>,
    pub(crate) queues: Vec<QueueReader>,
    pub(crate) clock: Clock,
    pub(crate) news: broadcast::Sender<News>,
    /// Keeps the data folder ours.
    pub(crate) _folder: Option<Folder>,
}

/// Something still waits, and trying it again and again does not help.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("nothing moves any more: {0}")]
pub struct Stuck(String);

/// A source is given up after so many attempts in a row without any success.
const ATTEMPTS: u32 = 25;

impl Stack {
    /// What a function is wired from, as the template configures it.
    ///
    /// # Errors
    /// If the template has no such function.
    pub fn cloud(&self, function: &str) -> Result<Cloud, CallFailed> {
        self.0.host.cloud(function)
    }

    /// What one more environment of a function is wired from, with a clock and randomness of its own.
    /// The SDK counts its retries per region and process: a region of its own makes it a process.
    ///
    /// # Errors
    /// If the template has no such function.
    pub fn environment(
        &self,
        function: &str,
        region: &str,
        clock: Clock,
        random: Random,
    ) -> Result<Cloud, CallFailed> {
        self.0.host.environment(function, region, clock, random)
    }

    /// The records that a function's stream holds after a position, or all; only those that its
    /// filter lets through. For who calls the function itself, instead of letting it [run](Self::run).
    ///
    /// # Errors
    /// If the stream cannot be read.
    pub fn stream_records(
        &self,
        function: &str,
        after: Option<&str>,
    ) -> Result<Vec<StreamRecord>, StartError> {
        let sources = self.template().streams.iter().filter(|source| source.function == function);
        let records = sources.map(|source| lambda::wanted(&self.0.services.tables, source, after));
        Ok(records.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Asks a table itself: no function's call, and nobody sees it.
    ///
    /// # Errors
    /// What DynamoDB answers then.
    pub fn dynamodb(&self, operation: &str, request: &Value) -> Result<Value, Value> {
        let answer = self.0.services.answer_of_dynamodb(operation, request.to_string().as_bytes());
        let body = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status == 200 { Ok(body) } else { Err(body) }
    }

    /// The template that runs.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.0.services.template
    }

    /// The clock that all go by.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.0.clock.clone()
    }

    /// Calls a function.
    ///
    /// # Errors
    /// If it fails, panics, takes too long, or is not there.
    pub async fn call(&self, function: &str, event: impl Serialize) -> Result<Value, CallFailed> {
        let unreadable = |_| CallFailed::Unreadable(function.to_owned());
        let event = serde_json::to_string(&event).map_err(unreadable)?;
        let answer = self.0.host.invoke(function, InvocationType::RequestResponse, event).await?;
        serde_json::from_str(&answer).map_err(unreadable)
    }

    /// Calls a function asynchronously, as EventBridge does, and waits until it has ended.
    ///
    /// # Errors
    /// If the event is too large, or as for [`Stack::call`].
    pub async fn send(&self, function: &str, event: impl Serialize) -> Result<(), CallFailed> {
        let unreadable = |_| CallFailed::Unreadable(function.to_owned());
        let event = serde_json::to_string(&event).map_err(unreadable)?;
        self.0.host.invoke(function, InvocationType::Event, event).await.map(drop)
    }

    /// Wires every function of the template and lets each prepare itself, as Lambda does before
    /// the first call.
    ///
    /// # Errors
    /// If one is missing or cannot be wired.
    pub async fn warm(&self) -> Result<(), StartError> {
        Ok(self.0.host.warm().await?)
    }

    /// Sends a request through the gateway, as if over HTTP.
    pub async fn request(&self, request: Request) -> Response {
        self.request_from(IpAddr::V4(Ipv4Addr::LOCALHOST), request).await
    }

    /// Sends a request through the gateway, as if from elsewhere.
    pub async fn request_from(&self, source: IpAddr, request: Request) -> Response {
        self.0.gateway.answer(request, source).await
    }

    /// The mails that were sent and are kept, in order; none if the disk fails.
    #[must_use]
    pub fn mail(&self) -> Vec<Mail> {
        self.0.services.mails()
    }

    /// The events that were published and are kept, in order; none if the disk fails.
    #[must_use]
    pub fn events(&self) -> Vec<Published> {
        self.0.services.events()
    }

    /// What waits in a queue.
    #[must_use]
    pub fn waiting(&self, queue: &str) -> Vec<String> {
        self.0.services.queue(queue).map(Queue::bodies).unwrap_or_default()
    }

    /// Who has uploaded something that no function has taken yet.
    #[must_use]
    pub fn uploads(&self) -> Vec<String> {
        self.0.services.uploads.keys()
    }

    /// The calls of AWS since the last time this was asked, if they are recorded.
    #[must_use]
    pub fn calls(&self) -> Vec<Made> {
        self.0.services.watch.take()
    }

    /// The newest value of each metric.
    #[must_use]
    pub fn metrics(&self) -> BTreeMap<&'static str, u64> {
        self.0.services.metrics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells of mails, events and troubles as they happen.
    #[must_use]
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.0.news.subscribe()
    }

    /// Lets everything that was set off come to its end: stream, relay, bus, queues, mail. Nothing
    /// sleeps: what failed is tried again at once.
    ///
    /// # Errors
    /// [`Stuck`] if something fails again and again.
    pub async fn settle(&self) -> Result<(), Stuck> {
        let mut failures = BTreeMap::new();
        loop {
            let mut moved = false;
            for (position, reader) in self.0.streams.iter().enumerate() {
                moved |= note(&mut failures, ("stream", position), reader.step(&self.0.host, true).await)?;
            }
            for (position, reader) in self.0.queues.iter().enumerate() {
                moved |= note(&mut failures, ("queue", position), reader.step(&self.0.host, true).await)?;
            }
            if !moved {
                return Ok(());
            }
        }
    }

    /// Runs a function as its schedule does.
    ///
    /// # Errors
    /// If it fails.
    pub async fn run_schedule(&self, function: &str) -> Result<(), CallFailed> {
        let event = json!({
            "version": "0",
            "id": Random::system().uuid().to_string(),
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": ACCOUNT,
            "time": self.clock().now().to_string(),
            "region": REGION,
            "resources": [format!("arn:aws:scheduler:{REGION}:{}:schedule/default/{function}", ACCOUNT)],
            "detail": "{}",
        });
        self.send(function, event).await
    }
}

/// Whether the step changed anything; an error once a source has failed too often in a row.
fn note(
    failures: &mut BTreeMap<(&'static str, usize), u32>,
    source: (&'static str, usize),
    step: Step,
) -> Result<bool, Stuck> {
    match step {
        Step::Idle | Step::Waits(_) => Ok(false),
        Step::Moved => {
            failures.remove(&source);
            Ok(true)
        }
        Step::Failed(why) => {
            let so_far = failures.entry(source).or_default();
            *so_far += 1;
            if *so_far < ATTEMPTS { Ok(true) } else { Err(Stuck(why)) }
        }
    }
}
