//! The canary's item.

use std::time::Duration;

use domain::Canary;

use crate::{Failure, Outbox, item::Item};

/// A canary that has not arrived by then is of no interest any more.
const LIFETIME: Duration = Duration::from_hours(1);

impl Outbox {
    /// Adds a canary. It is no change of anything: it may expire, and the sweeper does not see it,
    /// so that it arrives only if stream and relay work.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn add_canary(&self, canary: &Canary) -> Result<(), Failure> {
        let item = Item::default()
            .text("stream", canary.stream())
            .number("seq", 1)
            .text("state", "pending")
            .text("event_id", canary.id.to_string())
            .text("detail_type", Canary::TYPE)
            .text("detail", canary.detail())
            .moment("created_at", canary.sent_at)
            .number("attempts", 0)
            .moment("next_attempt_at", canary.sent_at)
            .ttl(canary.sent_at.plus(LIFETIME));
        let put = self.dynamodb.put_item().table_name(&self.table).set_item(Some(item.build()));
        put.send().await.map(drop).map_err(|error| Failure::of("PutItem", error))
    }
}
