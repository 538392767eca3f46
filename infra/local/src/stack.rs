//! One running deployment of the template.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::{Arc, OnceLock, PoisonError},
    time::Duration,
};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use cloud::{Clock, Cloud, Deadline, Invocation, Log, Random, Settings};
use serde::Serialize;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::broadcast;

use crate::{
    batch::Step,
    bus::Published,
    calls::Made,
    consumer::QueueReader,
    functions::{CallFailed, Environment},
    gateway::{Request, Response, Router},
    mailbox::Mail,
    news::News,
    queue::Queue,
    rules::lambda::{InvocationType, MAX_RESPONSE_BYTES},
    seam::Seam,
    services::Services,
    setup::Setup,
    stream::{self, StreamReader, StreamRecord},
    template::{DeployedFunction, REGION, Template, TemplateError},
    uploads,
};

/// The cloud in one process: what the template deploys, running. Cheap to clone.
#[derive(Clone)]
pub struct Stack(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) services: Arc<Services>,
    pub(crate) clouds: BTreeMap<String, Cloud>,
    pub(crate) setup: Setup,
    pub(crate) mounted: BTreeMap<String, OnceLock<Arc<Environment>>>,
    pub(crate) streams: Vec<StreamReader>,
    pub(crate) consumers: Vec<QueueReader>,
    pub(crate) router: Router,
    pub(crate) news: broadcast::Sender<News>,
    /// Keeps the data folder ours.
    pub(crate) _folder: Option<crate::folder::Folder>,
}

/// Why a stack does not start, in one sentence.
#[derive(Debug, Error)]
pub enum StartError {
    /// The template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The data folder.
    #[error("the data folder {0} cannot be used: {1}")]
    Folder(PathBuf, String),
    /// Somebody else uses the data folder.
    #[error("the data folder {0} is used by another process: stop that one, or choose another with --data")]
    FolderInUse(PathBuf),
    /// Others could read the secret.
    #[error(
        "others can read the secret in {0}: permit it to yourself only (chmod 600), or remove it if it is known"
    )]
    SecretReadable(PathBuf),
    /// The data is of another template.
    #[error(
        "the table {0} in the data folder was made by another version of the template: choose another folder with --data"
    )]
    OtherTables(String),
    /// The embedded database.
    #[error("the database cannot be used: {0}")]
    Storage(String),
    /// A function.
    #[error(transparent)]
    Function(#[from] CallFailed),
}

impl From<dynoxide::DynoxideError> for StartError {
    fn from(error: dynoxide::DynoxideError) -> Self {
        Self::Storage(error.to_string())
    }
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
        let cloud = self.0.clouds.get(function).cloned();
        cloud.ok_or_else(|| CallFailed::NoSuchFunction(function.to_owned()))
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
        let deployed = self.template().functions.get(function);
        let deployed = deployed.ok_or_else(|| CallFailed::NoSuchFunction(function.to_owned()))?;
        let log = log(&self.0.services, &self.0.setup);
        Ok(cloud(&self.0.services, (function, deployed), region, (clock, random, log)))
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
        let records = sources.map(|source| stream::wanted(&self.0.services.tables, source, after));
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
        self.0.setup.clock.clone()
    }

    /// Calls a function.
    ///
    /// # Errors
    /// If it fails, panics, takes too long, or is not there.
    pub async fn call(&self, function: &str, event: impl Serialize) -> Result<Value, CallFailed> {
        let unreadable = |_| CallFailed::Unreadable(function.to_owned());
        let event = serde_json::to_string(&event).map_err(unreadable)?;
        let answer = self.invoke(function, InvocationType::RequestResponse, event).await?;
        serde_json::from_str(&answer).map_err(unreadable)
    }

    /// Calls a function asynchronously, as EventBridge does, and waits until it has ended.
    ///
    /// # Errors
    /// If the event is too large, or as for [`Stack::call`].
    pub async fn send(&self, function: &str, event: impl Serialize) -> Result<(), CallFailed> {
        let unreadable = |_| CallFailed::Unreadable(function.to_owned());
        let event = serde_json::to_string(&event).map_err(unreadable)?;
        self.invoke(function, InvocationType::Event, event).await.map(drop)
    }

    pub(crate) async fn invoke(
        &self,
        function: &str,
        kind: InvocationType,
        event: String,
    ) -> Result<String, CallFailed> {
        if event.len() > kind.max_request_bytes() {
            return Err(CallFailed::RequestTooLarge(function.to_owned()));
        }
        let mounted = self.mounted(function)?;
        let timeout =
            self.template().functions.get(function).map_or(Duration::ZERO, |deployed| deployed.timeout);
        let invocation = Invocation {
            id: Random::system().uuid().to_string(),
            xray: None,
            deadline: Deadline::after(timeout),
        };
        // A task of its own: a panic ends only this call, and who asked may go away meanwhile.
        let mut call = tokio::spawn(async move { mounted.call(event, invocation).await });
        match tokio::time::timeout(timeout, &mut call).await {
            Ok(Ok(Ok(answer))) if answer.len() > MAX_RESPONSE_BYTES => {
                Err(CallFailed::ResponseTooLarge(function.to_owned()))
            }
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(CallFailed::Panicked(function.to_owned())),
            Err(_) => {
                call.abort();
                Err(CallFailed::TimedOut(function.to_owned()))
            }
        }
    }

    /// The function, wired when it is first needed.
    fn mounted(&self, function: &str) -> Result<Arc<Environment>, CallFailed> {
        let missing = || CallFailed::NoSuchFunction(function.to_owned());
        let cell = self.0.mounted.get(function).ok_or_else(missing)?;
        if let Some(mounted) = cell.get() {
            return Ok(Arc::clone(mounted));
        }
        let build = self.0.setup.functions.iter().find(|(name, _)| *name == function).ok_or_else(missing)?.1;
        let mounted = Arc::new(Environment::start(function, build, &self.cloud(function)?)?);
        Ok(Arc::clone(cell.get_or_init(|| mounted)))
    }

    /// Wires every function of the template and lets each prepare itself, as Lambda does before
    /// the first call.
    ///
    /// # Errors
    /// If one is missing or cannot be wired.
    pub async fn warm(&self) -> Result<(), StartError> {
        let functions = self.template().functions.keys();
        let mounted = functions.map(|name| self.mounted(name)).collect::<Result<Vec<_>, _>>()?;
        futures_util::future::join_all(mounted.iter().map(|function| function.warm())).await;
        Ok(())
    }

    /// Sends a request through the gateway, as if over HTTP.
    pub async fn request(&self, request: Request) -> Response {
        self.request_from(IpAddr::V4(Ipv4Addr::LOCALHOST), request).await
    }

    /// Sends a request through the gateway, as if from elsewhere.
    pub async fn request_from(&self, source: IpAddr, request: Request) -> Response {
        crate::gateway::answer(self, request, source).await
    }

    /// The mails that were sent and are kept, in order; none if the disk fails.
    #[must_use]
    pub fn mail(&self) -> Vec<Mail> {
        self.0.services.mailbox.mails().unwrap_or_default()
    }

    /// The events that were published and are kept, in order; none if the disk fails.
    #[must_use]
    pub fn events(&self) -> Vec<Published> {
        self.0.services.bus.published().unwrap_or_default()
    }

    /// What waits in a queue.
    #[must_use]
    pub fn waiting(&self, queue: &str) -> Vec<String> {
        self.queue(queue).map(Queue::bodies).unwrap_or_default()
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
                moved |= note(&mut failures, ("stream", position), reader.step(self, true).await)?;
            }
            for (position, consumer) in self.0.consumers.iter().enumerate() {
                moved |= note(&mut failures, ("queue", position), consumer.step(self, true).await)?;
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
            "account": crate::template::ACCOUNT,
            "time": self.clock().now().to_string(),
            "region": REGION,
            "resources": [format!("arn:aws:scheduler:{REGION}:{}:schedule/default/{function}", crate::template::ACCOUNT)],
            "detail": "{}",
        });
        self.send(function, event).await
    }

    pub(crate) fn services(&self) -> &Arc<Services> {
        &self.0.services
    }

    pub(crate) fn queue(&self, name: &str) -> Option<&Queue> {
        self.0.services.queue(name)
    }

    pub(crate) fn tell_trouble(&self, what: &str) {
        let _ = self.0.news.send(News::Trouble(what.to_owned()));
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

/// What CloudWatch would take: the lines, and of each metric the newest value.
fn log(services: &Arc<Services>, setup: &Setup) -> Log {
    let (services, reader) = (Arc::clone(services), setup.log.clone());
    Log::of(move |line| {
        let mut metrics = services.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        metrics.extend(line.metrics().iter().map(|metric| (metric.name, metric.value)));
        drop(metrics);
        reader(line);
    })
}

/// The cloud of each function of the template.
pub(crate) fn clouds(services: &Arc<Services>, setup: &Setup) -> BTreeMap<String, Cloud> {
    let functions = services.template.functions.iter();
    let clouds = functions.map(|(name, deployed)| {
        let parts = (setup.clock.clone(), setup.random.clone(), log(services, setup));
        let cloud = cloud(services, (name, deployed), REGION, parts);
        (name.clone(), if setup.is_patient { cloud.patient() } else { cloud })
    });
    clouds.collect()
}

fn cloud(
    services: &Arc<Services>,
    (name, deployed): (&str, &DeployedFunction),
    region: &str,
    (clock, random, log): (Clock, Random, Log),
) -> Cloud {
    let sdk = [
        ("AWS_REGION", region),
        ("AWS_ACCESS_KEY_ID", name),
        ("AWS_SECRET_ACCESS_KEY", uploads::SECRET),
        ("AWS_ENDPOINT_URL_S3", &services.uploads.endpoint),
        ("AWS_LAMBDA_FUNCTION_NAME", name),
    ];
    let sdk = sdk.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings: Settings = deployed.settings.clone().into_iter().chain(sdk).collect();
    let http = SharedHttpClient::new(Seam::of(name, services));
    Cloud::new(settings, http, clock, random, log)
}
