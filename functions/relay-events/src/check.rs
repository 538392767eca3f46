//! Decides which events can be published immediately, and which have to be read first.

use std::{
    collections::{BTreeMap, HashSet},
    sync::PoisonError,
    time::Duration,
};

use cloud::chain;
use futures_util::{StreamExt, stream};
use store::{EventKey, PendingEvent, StoreError};

use crate::RelayEvents;

/// Most records arrive within a second. An older one was delayed, and may have been delivered already.
const FRESH: Duration = Duration::from_mins(1);
/// The number of streams that are read concurrently.
const READS: usize = 16;

/// The result of a check. Events in neither collection have failed.
#[derive(Default)]
pub(crate) struct Checked {
    /// Needs nothing further from the relay.
    pub(crate) settled: HashSet<EventKey>,
    /// Can be published.
    pub(crate) publishable: Vec<PendingEvent>,
}

impl RelayEvents {
    /// Reads the events that are old or were tried before. Delivered and dead ones are settled; otherwise
    /// each retry would publish the rest of its batch again. Events that would overtake a pending one are
    /// settled as well, and left to the sweeper.
    pub(crate) async fn check(&self, events: Vec<PendingEvent>) -> Checked {
        let mut streams = BTreeMap::<String, Vec<PendingEvent>>::new();
        for event in events {
            streams.entry(event.key.stream.clone()).or_default().push(event);
        }
        let checks = streams.into_values().map(|mut events| {
            events.sort_by_key(|event| event.key.sequence);
            self.check_stream(events)
        });
        let merge = |mut all: Checked, one: Checked| async {
            all.settled.extend(one.settled);
            all.publishable.extend(one.publishable);
            all
        };
        stream::iter(checks).buffer_unordered(READS).fold(Checked::default(), merge).await
    }

    async fn check_stream(&self, events: Vec<PendingEvent>) -> Checked {
        match self.look_up(events).await {
            Ok(checked) => checked,
            Err(failure) => {
                tracing::error!(cause = chain(&failure), "failed to read events");
                Checked::default()
            }
        }
    }

    async fn look_up(&self, events: Vec<PendingEvent>) -> Result<Checked, StoreError> {
        let mut checked = Checked::default();
        for event in events {
            if !self.is_doubtful(&event) {
                checked.publishable.push(event);
            } else if let Some(event) = self.outbox.pending(&event.key).await? {
                // The current item: the record may still have personal data that was erased since.
                checked.publishable.push(event);
            } else {
                checked.settled.insert(event.key);
            }
        }
        if let Some(from) = self.overtaking(&checked.publishable).await? {
            let event_id = &checked.publishable[from].event_id;
            tracing::warn!(event_id, "left an event to the sweeper: the one before it is pending");
            checked.settled.extend(checked.publishable.drain(from..).map(|event| event.key));
        }
        Ok(checked)
    }

    /// Returns the first event of a stream that would overtake a pending one outside this batch. The earlier
    /// record was discarded, comes later or never, or was left to the sweeper, which delivers all of them in
    /// order. Even fresh events are checked.
    async fn overtaking(&self, events: &[PendingEvent]) -> Result<Option<usize>, StoreError> {
        let mut before = None;
        for (position, event) in events.iter().enumerate() {
            let EventKey { stream, sequence } = &event.key;
            let previous = sequence.saturating_sub(1);
            let is_first_or_next = previous == 0 || before == Some(previous);
            let previous = EventKey { stream: stream.clone(), sequence: previous };
            if !is_first_or_next && !self.is_unmarked(&previous) && self.outbox.is_pending(&previous).await? {
                return Ok(Some(position));
            }
            before = Some(*sequence);
        }
        Ok(None)
    }

    /// Whether this relay has published an event without marking it.
    fn is_unmarked(&self, key: &EventKey) -> bool {
        self.unmarked.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    fn is_doubtful(&self, event: &PendingEvent) -> bool {
        let was_tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner).contains(&event.key);
        was_tried || self.clock.now().since(event.created_at) > FRESH
    }
}
