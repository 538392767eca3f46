//! DynamoDB and its streams: dynoxide, embedded.

mod expiry;
mod request_tokens;

use std::{path::Path, sync::OnceLock};

use cloud::Clock;
use dynoxide::{
    Database, DynoxideError, actions::transact_write_items::TransactWriteItemsRequest, types::item_size,
};
use tokio::sync::watch;

use self::{expiry::Expiry, request_tokens::RequestTokens};
use super::answer::Answer;
use crate::{
    start_error::StartError,
    storage::{Journal, parse, render},
    template::Template,
};

/// DynamoDB's limit of a `ClientRequestToken`.
const MAX_TOKEN_LENGTH: usize = 36;
/// The items that a transaction reads: `docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactGetItems.html`.
/// The embedded database holds the same for what a transaction writes.
const MAX_TRANSACTION_BYTES: usize = 4 * 1024 * 1024;

/// The tables, and everything else that is stored.
pub(crate) struct Tables {
    database: Database,
    /// Where the database keeps its data.
    place: String,
    clock: Clock,
    request_tokens: RequestTokens,
    expiry: OnceLock<Expiry>,
    written: watch::Sender<()>,
}

impl Tables {
    /// Opens tables that are gone with the process.
    pub(crate) fn in_memory(name: &str, clock: Clock) -> Result<Self, StartError> {
        // A name makes the memory reachable for further connections, which make and use indexes.
        Self::open(format!("file:{name}?mode=memory&cache=shared"), clock)
    }

    /// Opens tables in a file.
    pub(crate) fn in_file(path: &Path, clock: Clock) -> Result<Self, StartError> {
        let path = std::path::absolute(path).map_err(|e| StartError::Folder(path.into(), e.to_string()))?;
        let text =
            path.to_str().ok_or_else(|| StartError::Folder(path.clone(), "its name is not UTF-8".into()))?;
        Self::open(text.to_owned(), clock)
    }

    fn open(place: String, clock: Clock) -> Result<Self, StartError> {
        let database = Database::new(&place)?;
        index_the_stream(&place).map_err(|error| StartError::Storage(error.to_string()))?;
        let request_tokens = RequestTokens::new(clock.clone());
        let written = watch::Sender::new(());
        Ok(Self { database, place, clock, request_tokens, expiry: OnceLock::new(), written })
    }

    pub(crate) const fn database(&self) -> &Database {
        &self.database
    }

    /// Creates what is missing of the template's tables.
    pub(crate) fn create(&self, template: &Template, journal: &Journal) -> Result<(), StartError> {
        for (name, table) in &template.tables {
            match journal.table_definition(name)? {
                Some(definition) if definition == table.create => continue,
                Some(_) => return Err(StartError::OtherTables(name.clone())),
                None => {}
            }
            // A first start that was killed before its end: nothing can be in the table yet.
            if self.database.get_table_metadata(name)?.is_some() {
                self.database.delete_table(parse(format!(r#"{{"TableName":"{name}"}}"#).as_bytes())?)?;
            }
            let definition = table.create.to_string();
            self.database.create_table(parse(definition.as_bytes())?)?;
            if let Some(attribute) = &table.expiry {
                self.database.update_time_to_live(expiry(name, attribute))?;
            }
            journal.keep_table_definition(name, &table.create)?;
        }
        let expiry = Expiry::open(&self.place, template);
        let expiry = expiry.map_err(|error| StartError::Storage(error.to_string()))?;
        self.expiry.get_or_init(|| expiry);
        Ok(())
    }

    /// Answers one call of DynamoDB or its streams.
    pub(crate) fn answer(&self, operation: &str, body: &[u8]) -> Answer {
        let answer = match operation {
            "TransactWriteItems" => self.transact(body),
            "TransactGetItems" => self.transact_get(body),
            _ => dispatch(&self.database, operation, body),
        };
        match answer {
            Ok(body) => {
                if matches!(
                    operation,
                    "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems" | "BatchWriteItem"
                ) {
                    self.written.send_replace(());
                }
                Answer { status: 200, body }
            }
            Err(error) => Answer { status: error.status_code(), body: error.to_json().into_bytes() },
        }
    }

    /// Changes whenever something was written.
    pub(crate) fn writes(&self) -> watch::Receiver<()> {
        self.written.subscribe()
    }

    /// Makes a transaction. The database gets no token: it would look at all of the last ten minutes each time.
    fn transact(&self, body: &[u8]) -> Result<Vec<u8>, DynoxideError> {
        let mut request: TransactWriteItemsRequest = parse(body)?;
        // The database refuses one that is too long.
        let token = request.client_request_token.take_if(|token| token.len() <= MAX_TOKEN_LENGTH);
        let Some(token) = token else { return render(&self.database.transact_write_items(request)?) };
        // By way of a value, in which the members of an object are sorted.
        let items = serde_json::to_value(&request.transact_items).unwrap_or_default().to_string();
        let make = || render(&self.database.transact_write_items(request)?);
        Ok(self.request_tokens.once(&token, &items, make)?.unwrap_or_else(|| b"{}".to_vec()))
    }

    fn transact_get(&self, body: &[u8]) -> Result<Vec<u8>, DynoxideError> {
        let answer = self.database.transact_get_items(parse(body)?)?;
        let items = answer.responses.iter().filter_map(|response| response.item.as_ref());
        if items.map(item_size).sum::<usize>() > MAX_TRANSACTION_BYTES {
            let message =
                "The aggregate size of the items in the transaction exceeds the 4MB limit.".to_owned();
            return Err(DynoxideError::ValidationException(message));
        }
        render(&answer)
    }

    /// Deletes what has expired, as DynamoDB does some time later.
    pub(crate) fn delete_expired(&self) -> Result<(), rusqlite::Error> {
        let Some(expiry) = self.expiry.get() else { return Ok(()) };
        loop {
            let deletions = expiry.deletions(self.clock.now().seconds())?;
            let deleted = deletions
                .iter()
                .filter(|request| self.answer("DeleteItem", request.to_string().as_bytes()).status == 200);
            if deleted.count() == 0 {
                return Ok(());
            }
        }
    }
}

fn expiry(table: &str, attribute: &str) -> dynoxide::actions::update_time_to_live::UpdateTimeToLiveRequest {
    use dynoxide::actions::update_time_to_live::{TimeToLiveSpecification, UpdateTimeToLiveRequest};
    let time_to_live_specification =
        TimeToLiveSpecification { attribute_name: attribute.to_owned(), enabled: true };
    UpdateTimeToLiveRequest { table_name: table.to_owned(), time_to_live_specification }
}

/// Dynoxide finds a stream's next number and its records by reading all of them, at every write:
/// an index makes the thousandth write as quick as the first.
fn index_the_stream(place: &str) -> rusqlite::Result<()> {
    rusqlite::Connection::open(place)?.execute_batch(
        "CREATE INDEX IF NOT EXISTS local_stream_numbers
             ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
         CREATE INDEX IF NOT EXISTS local_stream_shards
             ON _stream_records (table_name, shard_id, CAST(sequence_number AS INTEGER));",
    )
}

fn dispatch(database: &Database, operation: &str, body: &[u8]) -> Result<Vec<u8>, DynoxideError> {
    macro_rules! call {
        ($method:ident) => {
            render(&database.$method(parse(body)?)?)
        };
    }
    match operation {
        "GetItem" => call!(get_item),
        "PutItem" => call!(put_item),
        "UpdateItem" => call!(update_item),
        "DeleteItem" => call!(delete_item),
        "Query" => call!(query),
        "Scan" => call!(scan),
        "BatchGetItem" => call!(batch_get_item),
        "BatchWriteItem" => call!(batch_write_item),
        "DescribeTable" => call!(describe_table),
        "ListTables" => call!(list_tables),
        "DescribeTimeToLive" => call!(describe_time_to_live),
        "ListStreams" => call!(list_streams),
        "DescribeStream" => call!(describe_stream),
        "GetShardIterator" => call!(get_shard_iterator),
        "GetRecords" => call!(get_records),
        other => Err(DynoxideError::ValidationException(format!("{other} does not run locally"))),
    }
}
