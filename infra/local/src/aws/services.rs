//! The AWS services of one process.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use thiserror::Error;

use super::{
    answer::Answer,
    dynamodb::Tables,
    eventbridge::Bus,
    pwned_passwords, rules,
    s3::{Upload, Uploads},
    secrets_manager::Secrets,
    ses::{Mailbox, simulator},
    sqs::Queue,
};
use crate::{
    activity::{Mail, Published},
    recorder::{
        Watch,
        calls::{Call, Made},
        permissions,
    },
    storage::Journal,
    template::Template,
};

/// Gives a second answer to a call of DynamoDB, whose operation, request and first answer it is told. The function
/// gets the second one.
pub(crate) type Reviewer = Arc<dyn Fn(&str, &[u8], (u16, &[u8])) -> (u16, Vec<u8>) + Send + Sync>;

/// What answers behind the seam.
pub(crate) struct Services {
    pub(crate) template: Arc<Template>,
    pub(crate) tables: Tables,
    pub(crate) journal: Journal,
    pub(crate) bus: Bus,
    pub(crate) queues: Arc<Vec<Queue>>,
    pub(crate) mailbox: Mailbox,
    pub(crate) secrets: Secrets,
    pub(crate) uploads: Uploads,
    pub(crate) watch: Watch,
    /// Locked while a call is answered: both implementations see the calls in one order.
    pub(crate) review: Option<Mutex<Reviewer>>,
    /// Of each metric the newest value.
    pub(crate) metrics: Mutex<BTreeMap<&'static str, u64>>,
    /// Whether writing waits for a disk.
    pub(crate) on_disk: bool,
}

/// A service panicked.
#[derive(Debug, Error)]
#[error("a local service broke")]
pub(crate) struct Broken;

impl Services {
    /// Does work that may wait for a disk, while others go on.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Broken> {
        if !self.on_disk {
            return Ok(work(self));
        }
        let services = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&services)).await.map_err(|_| Broken)
    }

    pub(crate) fn queue(&self, name: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.name == name)
    }

    /// Returns the mails that are kept, in order; none if the disk fails.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mailbox.mails().unwrap_or_default()
    }

    /// Returns the events that are kept, in order; none if the disk fails.
    pub(crate) fn events(&self) -> Vec<Published> {
        self.bus.published().unwrap_or_default()
    }

    pub(crate) async fn answer(
        self: &Arc<Self>,
        service: &'static str,
        operation: String,
        body: Vec<u8>,
        refused_entries: Vec<usize>,
    ) -> Answer {
        let answer =
            self.run(move |services| services.answer_now(service, &operation, &body, &refused_entries));
        answer.await.unwrap_or_else(|broken| Answer::refusal(500, "InternalFailure", &broken.to_string()))
    }

    fn answer_now(&self, service: &str, operation: &str, body: &[u8], refused_entries: &[usize]) -> Answer {
        if let Some(refusal) = rules::refusal(service, operation, body, &self.template) {
            return refusal;
        }
        match (service, operation) {
            ("dynamodb", operation) => self.answer_of_dynamodb(operation, body),
            ("streams", operation) => self.tables.answer(operation, body),
            ("events", "PutEvents") => self.bus.put_events(body, refused_entries),
            ("secretsmanager", operation) => self.secrets.answer(operation, body),
            ("ses", "SendEmail") => self.send_email(body),
            ("s3", operation) => self.uploads.answer(operation, body),
            ("breaches", digits) => pwned_passwords::range(digits),
            _ => Answer::refusal(400, "UnknownOperationException", "The operation does not run locally."),
        }
    }

    pub(crate) fn answer_of_dynamodb(&self, operation: &str, body: &[u8]) -> Answer {
        let Some(review) = &self.review else { return self.tables.answer(operation, body) };
        let review = review.lock().unwrap_or_else(PoisonError::into_inner);
        let first = self.tables.answer(operation, body);
        let (status, body) = review(operation, body, (first.status, &first.body));
        Answer { status, body }
    }

    /// Takes an upload. The right of the function that has signed the form permits it.
    pub(crate) fn upload(&self, upload: Upload) {
        let request = upload.request();
        let touches = permissions::of("s3", "PutObject", &request, &self.template);
        let function = upload.function.clone();
        let call = Call { function, service: "s3", operation: "PutObject".to_owned(), touches, request };
        let span = (self.watch.tick(), self.watch.tick());
        let (request_bytes, response_bytes) = (0, 0);
        let status = Some(204);
        self.watch.record(Made { call, status, request_bytes, response_bytes, capacity: Vec::new(), span });
        self.uploads.put(upload);
    }

    fn send_email(&self, body: &[u8]) -> Answer {
        let answer = self.mailbox.send_email(body);
        let report = simulator::report(body, self.mailbox.now()).filter(|_| answer.status == 200);
        // As on AWS, where it is best effort, nobody waits for it.
        let _ = report.map(|(kind, detail)| self.bus.say("aws.ses", kind, detail));
        answer
    }
}
