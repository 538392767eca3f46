//! The canary's item.

use std::time::Duration;

use domain::Canary;

use crate::{
    Outbox, State, StoreError,
    dynamodb::{
        attributes::Attributes,
        item,
        value::{Millis, Text, Ttl},
    },
    outbox::event_item::EventItem,
};

/// A canary that has not arrived by then is of no interest any more.
const LIFETIME: Duration = Duration::from_hours(1);

impl Outbox {
    /// Adds a canary. It is no change of anything: it may expire, and the sweeper does not see it,
    /// so that it arrives only if stream and relay work.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn add_canary(&self, canary: &Canary) -> Result<(), StoreError> {
        let item = EventItem {
            stream: canary.stream(),
            seq: 1,
            state: Text(State::Pending),
            event_id: canary.id.to_string(),
            detail_type: Canary::TYPE.to_owned(),
            detail: canary.detail(),
            created_at: Millis(canary.sent_at),
            attempts: 0,
            next_attempt_at: Millis(canary.sent_at),
            correlation_id: None,
            actor: None,
            due_pk: None,
            due_sk: None,
            ttl: Some(Ttl::at(canary.sent_at.plus(LIFETIME))),
        };
        let item = item::write(Attributes::new(), &item);
        let put = self.dynamodb.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(|error| StoreError::of("PutItem", error))
    }
}
