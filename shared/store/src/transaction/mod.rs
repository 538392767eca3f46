//! State and event in one transaction, or neither.

pub(crate) mod error;
pub(crate) mod write;

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::SdkError, operation::transact_write_items::TransactWriteItemsError, types::TransactWriteItem,
};
use cloud::{Cloud, Random, SettingError};
use domain::{Authority, Detail, Envelope, Event, Receipt, Stream};

use crate::{
    CommitError, Identities, StoreError,
    identities::{authority, idempotency},
    outbox::event_item,
    transaction::{error::Unmet, write::Write},
};

/// Both tables, and the way events are written.
#[derive(Clone, Debug)]
pub struct Store {
    identities: Identities,
    events_table: String,
    envelope: Envelope,
    random: Random,
}

/// Commands on both tables, in answer to one request. Each takes the event that says what it does.
pub struct Commands<'a> {
    pub(crate) store: &'a Store,
    /// What the request will be answered.
    receipt: Option<Receipt>,
    /// By what it is carried out, where it takes more than to be who one is.
    authority: Option<&'a Authority>,
}

/// Conflicts with other transactions are short: eight attempts with full jitter span about a second.
const ATTEMPTS: u32 = 8;
const FIRST_PAUSE_MILLIS: u64 = 10;
const LONGEST_PAUSE_MILLIS: u64 = 500;

impl Store {
    /// The tables and the way events are written that the settings `IDENTITIES_TABLE`,
    /// `EVENTS_TABLE`, `ISSUER`, `EVENT_EPOCH` and `EVENT_DETAIL` name.
    ///
    /// # Errors
    /// If one of them is missing or unusable.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let settings = cloud.settings();
        let detail = match settings.text("EVENT_DETAIL")?.as_str() {
            "ids" => Detail::Ids,
            "profile" => Detail::Profile,
            _ => return Err(SettingError::new("EVENT_DETAIL", "must be `ids` or `profile`")),
        };
        let (source, epoch) = (settings.text("ISSUER")?, settings.parsed("EVENT_EPOCH")?);
        Ok(Self {
            identities: Identities::new(cloud)?,
            events_table: settings.text("EVENTS_TABLE")?,
            envelope: Envelope { source, epoch, detail },
            random: cloud.random(),
        })
    }

    /// What the commands are decided on.
    #[must_use]
    pub const fn identities(&self) -> &Identities {
        &self.identities
    }

    pub(crate) fn events_table(&self) -> &str {
        &self.events_table
    }

    pub(crate) const fn event_epoch(&self) -> u64 {
        self.envelope.epoch
    }

    /// The commands, of which one is carried out together with the receipt for its answer, if the
    /// request is to have one.
    #[must_use]
    pub const fn answering(&self, receipt: Option<Receipt>) -> Commands<'_> {
        Commands { store: self, receipt, authority: None }
    }
}

impl<'a> Commands<'a> {
    /// The same commands, of which none is carried out unless `authority` still holds: what was decided by it
    /// is stale otherwise.
    #[must_use]
    pub fn under(self, authority: &'a Authority) -> Self {
        Self { authority: Some(authority), ..self }
    }
}

impl Commands<'_> {
    /// Commits `writes` and `event`, or nothing. All attempts send the same bytes and request token: ids, salts and
    /// times were frozen before.
    pub(crate) async fn commit(
        &self,
        writes: impl IntoIterator<Item = Write>,
        event: &Event,
    ) -> Result<(), CommitError<Unmet>> {
        let Store { identities, events_table, envelope, .. } = self.store;
        if let Stream::User(user) = event.stream {
            cloud::put_user(user);
        }
        let record = event_item::item(event, envelope.render(event));
        let writes = self.authorized(writes.into_iter().collect());
        if has_two_on_one_item(&writes) {
            return Err(CommitError::Conflict);
        }
        let mut items: Vec<_> = writes.into_iter().map(|write| write.into_item(&identities.table)).collect();
        let event_position = items.len();
        items.push(Write::put(record).only_if("attribute_not_exists(seq)").into_item(events_table));
        let receipt =
            self.receipt.as_ref().map(|receipt| idempotency::write(receipt, event.context.occurred_at));
        items.extend(receipt.map(|receipt| receipt.into_item(&identities.table)));

        let failure = match self.store.attempt(items).await {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        // Either the answer was lost, or an event of this number exists already: if it is this one,
        // an earlier attempt was committed after all.
        let may_be_committed = match &failure {
            CommitError::Rejected(positions) => positions.contains(&event_position),
            CommitError::Store(failure) => !matches!(failure, StoreError::Rejected { .. }),
            CommitError::Conflict => false,
        };
        if may_be_committed && self.store.has(event).await {
            return Ok(());
        }
        Err(match failure {
            CommitError::Rejected(positions) if positions.contains(&(event_position + 1)) => {
                StoreError::Answered.into()
            }
            failure => failure,
        })
    }

    /// With the checks that the authority still holds, behind the writes. A transaction takes one operation
    /// an item: what is written itself is written only if both conditions hold.
    fn authorized(&self, mut writes: Vec<Write>) -> Vec<Write> {
        for check in self.authority.map(authority::still_holds).unwrap_or_default() {
            match writes.iter_mut().find(|write| write.is_of(&check)) {
                Some(write) => write.also_only_if(check),
                None => writes.push(check),
            }
        }
        writes
    }
}

impl Store {
    /// Commits `writes` without an event, or nothing: for what is taken over from elsewhere, and whose
    /// history is there.
    pub(crate) async fn commit_silently(
        &self,
        writes: impl IntoIterator<Item = Write>,
    ) -> Result<(), CommitError<Unmet>> {
        let items = writes.into_iter().map(|write| write.into_item(&self.identities.table)).collect();
        self.attempt(items).await
    }

    /// A command that is decided again gets another token: the same token with other bytes would be refused.
    async fn attempt(&self, items: Vec<TransactWriteItem>) -> Result<(), CommitError<Unmet>> {
        let token = self.random.uuid().simple().to_string();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let transaction = self
                .identities
                .dynamodb
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .client_request_token(&token);
            let Err(error) = transaction.send().await else { return Ok(()) };
            match reasons(&error) {
                Some(reasons) if reasons.iter().any(|code| code == "ConditionalCheckFailed") => {
                    let failed =
                        |(at, code): (usize, &String)| (code == "ConditionalCheckFailed").then_some(at);
                    return Err(CommitError::Rejected(
                        reasons.iter().enumerate().filter_map(failed).collect(),
                    ));
                }
                Some(reasons) if attempt < ATTEMPTS && reasons.iter().all(|code| is_passing(code)) => {
                    cloud::put_count("Conflicts", 1);
                    tokio::time::sleep(self.pause(attempt)).await;
                }
                Some(_) => return Err(StoreError::Cancelled(error.into()).into()),
                None => return Err(StoreError::of("TransactWriteItems", error).into()),
            }
        }
    }

    /// Full jitter: anything from nothing to twice as much as the time before.
    fn pause(&self, attempt: u32) -> Duration {
        let bound = (FIRST_PAUSE_MILLIS << attempt).min(LONGEST_PAUSE_MILLIS);
        Duration::from_millis(u64::from_be_bytes(self.random.bytes()) % bound)
    }

    /// Whether this very event is committed.
    async fn has(&self, event: &Event) -> bool {
        let get = self
            .identities
            .dynamodb
            .get_item()
            .table_name(&self.events_table)
            .consistent_read(true)
            .set_key(Some(event_item::key(event)));
        let found = get.send().await.ok().and_then(|answer| answer.item);
        found.is_some_and(|item| event_item::is_of(&item, event))
    }
}

/// Whether two writes are on one item, which DynamoDB refuses as invalid. A command makes such writes only from reads of
/// different moments, so its decision is stale.
fn has_two_on_one_item(writes: &[Write]) -> bool {
    writes.iter().enumerate().any(|(at, write)| writes[..at].iter().any(|other| other.is_of(write)))
}

/// The reasons of a cancelled transaction, one a write; `None` for any other error.
fn reasons(error: &SdkError<TransactWriteItemsError>) -> Option<Vec<String>> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => Some(
            cancelled
                .cancellation_reasons()
                .iter()
                .map(|reason| reason.code().unwrap_or("None").to_owned())
                .collect(),
        ),
        TransactWriteItemsError::TransactionInProgressException(_) => {
            Some(vec!["TransactionConflict".to_owned()])
        }
        _ => None,
    }
}

fn is_passing(code: &str) -> bool {
    matches!(code, "None" | "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
}
