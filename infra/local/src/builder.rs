//! What a stack is started from.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cloud::{Clock, Line, Random};
use tokio::sync::broadcast;

use crate::{
    activity::News,
    aws::{
        Reviewer, Services, dynamodb::Tables, eventbridge::Bus, s3::Uploads, secrets_manager::Secrets,
        ses::Mailbox, sqs::Queue,
    },
    functions::{self, Build},
    gateway::{Gateway, Router},
    lambda::{Host, HostParts, QueueReader, StreamReader},
    recorder::{
        Watch,
        calls::{Call, Fate},
    },
    stack::{Inner, Stack},
    start_error::StartError,
    storage::{Folder, Journal},
    template::{OF_THIS_BUILD, Parameters, Template, TemplateError},
};

/// How long a function may take whose caller is patient.
const PATIENCE: Duration = Duration::from_mins(5);
/// Somebody who is slow to read news may miss some; who needs all reads mails and events.
const NEWS: usize = 1024;

/// How a stack is to be started: by default the template and the functions of this build, the
/// system's clock and random source.
#[derive(Clone)]
pub struct Setup {
    folder: Option<PathBuf>,
    url: String,
    template: String,
    parameters: Parameters,
    /// By function and name.
    settings: Vec<(String, String, String)>,
    functions: Vec<(&'static str, Build)>,
    clock: Clock,
    random: Random,
    log: Arc<dyn Fn(&Line) + Send + Sync>,
    watch: Watch,
    reviewer: Option<Reviewer>,
    is_patient: bool,
    shown: Option<u64>,
}

impl Stack {
    /// A stack that is gone with the process.
    #[must_use]
    pub fn memory() -> Setup {
        Setup::new(None)
    }

    /// A stack whose data is kept in a folder.
    #[must_use]
    pub fn folder(path: impl Into<PathBuf>) -> Setup {
        Setup::new(Some(path.into()))
    }
}

impl Setup {
    fn new(folder: Option<PathBuf>) -> Self {
        let setup = Self {
            folder,
            url: String::new(),
            template: OF_THIS_BUILD.to_owned(),
            parameters: Parameters::default(),
            settings: Vec::new(),
            functions: functions::ALL.iter().map(|function| (function.name, function.build)).collect(),
            clock: Clock::system(),
            random: Random::system(),
            log: Arc::new(|_| ()),
            watch: Watch::default(),
            reviewer: None,
            is_patient: false,
            shown: None,
        };
        setup.at("http://127.0.0.1:9000")
    }

    /// Where the API will be reached: what tokens and mails name.
    #[must_use]
    pub fn at(mut self, url: &str) -> Self {
        let local = [
            ("Issuer", url.to_owned()),
            ("VerificationUrl", format!("{url}/_local/verify")),
            ("ResetPasswordUrl", format!("{url}/_local/reset-password")),
            ("EmailChangeUrl", format!("{url}/_local/verify-email-change")),
            ("MailFrom", "no-reply@gatepost.example".to_owned()),
        ];
        url.clone_into(&mut self.url);
        self.parameters.local = local.map(|(name, value)| (name.to_owned(), value)).into();
        self
    }

    /// Another value for a parameter of the template.
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.chosen.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A setting of a function that is another on this machine: a folder, where AWS mounts a layer.
    #[must_use]
    pub fn with_setting(mut self, function: &str, name: &str, value: &str) -> Self {
        self.settings.push((function.to_owned(), name.to_owned(), value.to_owned()));
        self
    }

    /// Another template than that of this build.
    #[must_use]
    pub fn with_template(mut self, text: impl Into<String>) -> Self {
        self.template = text.into();
        self
    }

    /// Mounts other functions than those of the product.
    #[must_use]
    pub fn with_functions(mut self, functions: &[(&'static str, Build)]) -> Self {
        self.functions = functions.to_vec();
        self
    }

    /// Another clock, for functions and services alike.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Another random source, for functions and the generated secret.
    #[must_use]
    pub fn with_random(mut self, random: Random) -> Self {
        self.random = random;
        self
    }

    /// Lets `reader` see the line that each invocation writes.
    #[must_use]
    pub fn logging_to(mut self, reader: impl Fn(&Line) + Send + Sync + 'static) -> Self {
        self.log = Arc::new(reader);
        self
    }

    /// Lets `watcher` see each call of AWS before it is made, and decide what becomes of it.
    #[must_use]
    pub fn watched_by(mut self, watcher: impl Fn(&Call) -> Fate + Send + Sync + 'static) -> Self {
        self.watch.add(watcher);
        self
    }

    /// Lets another implementation of DynamoDB answer each call as well: `review` gets the operation, the request,
    /// and status and body of the first answer. It returns the answer that the function gets.
    #[must_use]
    pub fn reviewed_by(
        mut self,
        review: impl Fn(&str, &[u8], (u16, &[u8])) -> (u16, Vec<u8>) + Send + Sync + 'static,
    ) -> Self {
        self.reviewer = Some(Arc::new(review));
        self
    }

    /// Records all calls of AWS for [`Stack::calls`].
    #[must_use]
    pub fn recording(mut self) -> Self {
        self.watch.start_recording();
        self
    }

    /// Gives functions and their calls of AWS the time that they take: to be tried on a machine that is busy
    /// with other things.
    #[must_use]
    pub const fn patient(mut self) -> Self {
        self.is_patient = true;
        self
    }

    /// Keeps only the newest mails and the newest events to be shown, this many of each; by default all.
    #[must_use]
    pub const fn showing(mut self, newest: u64) -> Self {
        self.shown = Some(newest);
        self
    }

    /// The template, as it would run.
    ///
    /// # Errors
    /// If it is none, or has something that does not run locally.
    pub fn template(&self) -> Result<Template, TemplateError> {
        Template::read(&self.template, &self.parameters)
    }

    /// Returns the folder in which the data is kept, if it is not in memory.
    #[must_use]
    pub fn data_folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Starts it. Functions are wired when they are first called, or by [`Stack::warm`].
    ///
    /// # Errors
    /// [`StartError`], which is one sentence.
    pub fn start(self) -> Result<Stack, StartError> {
        let template = Arc::new(self.deployed_template()?);
        let folder = self.folder.as_deref().map(Folder::open).transpose()?;
        let news = broadcast::Sender::new(NEWS);
        let services = Arc::new(self.services(&template, folder.as_ref(), &news)?);
        let streams = (0..template.streams.len()).map(|source| StreamReader::open(source, &services));
        let streams = streams.collect::<Result<Vec<_>, _>>()?;
        let queues = (0..template.queue_sources.len()).map(|source| QueueReader::new(source, &services));
        let queues = queues.collect();
        let router = Router::new(&template.routes)?;
        let Self { functions, clock, random, log, is_patient, shown, .. } = self;
        let (own_clock, own_news) = (clock.clone(), news.clone());
        let parts = HostParts { functions, clock: own_clock, random, log, is_patient, news: own_news };
        let host = Arc::new(Host::new(&services, parts));
        let gateway = Arc::new(Gateway {
            services: Arc::clone(&services),
            host: Arc::clone(&host),
            router,
            clock: clock.clone(),
            shown,
        });
        Ok(Stack(Arc::new(Inner { services, host, gateway, streams, queues, clock, news, _folder: folder })))
    }

    /// The template, with the settings and the time that functions have on this machine.
    fn deployed_template(&self) -> Result<Template, TemplateError> {
        let mut template = self.template()?;
        for (function, name, value) in &self.settings {
            if let Some(function) = template.functions.get_mut(function) {
                function.settings.insert(name.clone(), value.clone());
            }
        }
        if self.is_patient {
            for function in template.functions.values_mut() {
                function.timeout = function.timeout.max(PATIENCE);
            }
        }
        Ok(template)
    }

    fn services(
        &self,
        template: &Arc<Template>,
        folder: Option<&Folder>,
        news: &broadcast::Sender<News>,
    ) -> Result<Services, StartError> {
        let tables = match folder {
            Some(folder) => Tables::in_file(&folder.database(), self.clock.clone())?,
            None => Tables::in_memory(&unique_name(), self.clock.clone())?,
        };
        let journal = Journal::open(tables.database())?;
        tables.create(template, &journal)?;
        let queues = template.queues.iter().map(|(name, queue)| Queue::open(name, queue, &journal));
        let queues = Arc::new(queues.collect::<Result<Vec<_>, _>>()?);
        let bus = Bus::open(&journal, (template, &queues), self.clock.clone(), news.clone(), self.shown)?;
        Ok(Services {
            bus,
            mailbox: Mailbox::open(&journal, self.clock.clone(), news.clone(), self.shown)?,
            secrets: Secrets::open(template, folder.map(|folder| folder.path.as_path()), &self.random)?,
            uploads: Uploads::at(&self.url),
            on_disk: folder.is_some(),
            watch: self.watch.clone(),
            review: self.reviewer.clone().map(Mutex::new),
            metrics: Mutex::default(),
            template: Arc::clone(template),
            tables,
            journal,
            queues,
        })
    }
}

/// Stacks in the memory of one process do not meet.
fn unique_name() -> String {
    static STACKS: AtomicU64 = AtomicU64::new(0);
    format!("gatepost-{}", STACKS.fetch_add(1, Ordering::Relaxed))
}
