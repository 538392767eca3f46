//! The order of publication. At most one event of a stream is in flight, which alone keeps the order, since
//! the bus keeps none. The module has no I/O and no clock.

use std::collections::{BTreeMap, VecDeque};

use store::PendingEvent;

use crate::bus;

/// The highest number of entries in a call.
pub(crate) const MAX_ENTRIES: usize = 10;
/// The highest size of a call with several entries. The bus accepts 1 MB since 2026, and 256 KB everywhere. A
/// larger event is sent alone, and the bus decides.
pub(crate) const MAX_BYTES: usize = 256 * 1024;

/// The events to publish, by stream.
pub(crate) struct Waves {
    /// The events of each stream in order, without the one in flight.
    waiting: Vec<VecDeque<PendingEvent>>,
    /// Events that can be sent now: at most one of each stream.
    ready: VecDeque<Flight>,
}

/// An event that is being published. It blocks the other events of its stream.
#[derive(Debug)]
pub(crate) struct Flight {
    stream: usize,
    /// The event.
    pub(crate) event: PendingEvent,
    /// The number of failed attempts.
    pub(crate) attempts: u32,
    /// Whether the event is sent alone, because a call with others was refused.
    alone: bool,
}

impl Flight {
    /// Returns the same event with another number of failed attempts.
    pub(crate) fn after(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// Returns the same event, to be sent alone.
    pub(crate) fn alone(self) -> Self {
        Self { alone: true, ..self }
    }
}

impl Waves {
    /// Groups events by stream and sorts them. Duplicates are removed.
    pub(crate) fn of(events: Vec<PendingEvent>) -> Self {
        // Streams start in the order of their first event.
        let (mut streams, mut waiting) = (BTreeMap::new(), Vec::<VecDeque<PendingEvent>>::new());
        for event in events {
            let next = waiting.len();
            let stream = *streams.entry(event.key.stream.clone()).or_insert(next);
            if stream == next {
                waiting.push(VecDeque::new());
            }
            waiting[stream].push_back(event);
        }
        for events in &mut waiting {
            let mut sorted: Vec<_> = std::mem::take(events).into();
            sorted.sort_by_key(|event| event.key.sequence);
            sorted.dedup_by_key(|event| event.key.sequence);
            *events = sorted.into();
        }
        let mut waves = Self { waiting, ready: VecDeque::new() };
        (0..waves.waiting.len()).for_each(|stream| waves.make_ready(stream));
        waves
    }

    /// Returns the entries of the next call; empty if none can be sent now.
    pub(crate) fn next_call(&mut self) -> Vec<Flight> {
        let (mut call, mut bytes) = (Vec::new(), 0);
        while let Some(flight) = self.ready.pop_front() {
            let size = bus::entry_bytes(&flight.event);
            let fits = bytes + size <= MAX_BYTES && call.len() < MAX_ENTRIES && !flight.alone;
            if !call.is_empty() && !fits {
                self.ready.push_front(flight);
                break;
            }
            let is_alone = flight.alone;
            call.push(flight);
            bytes += size;
            if is_alone {
                break;
            }
        }
        call
    }

    /// Releases the next event of the stream, after this one was accepted or refused permanently.
    pub(crate) fn landed(&mut self, flight: &Flight) {
        self.make_ready(flight.stream);
    }

    /// Sends the event again, before all later ones of its stream. Without a call of this or of `landed`, the
    /// event blocks its stream.
    pub(crate) fn again(&mut self, flight: Flight) {
        self.ready.push_back(flight);
    }

    fn make_ready(&mut self, stream: usize) {
        if let Some(event) = self.waiting[stream].pop_front() {
            self.ready.push_back(Flight { stream, event, attempts: 0, alone: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use domain::Timestamp;
    use proptest::{collection::vec, prelude::*};
    use store::EventKey;

    use super::*;

    fn event(stream: usize, sequence: u64, bytes: usize) -> PendingEvent {
        PendingEvent {
            key: EventKey { stream: format!("user#{stream}"), sequence },
            event_id: format!("{stream}-{sequence}"),
            detail_type: "user.registered".to_owned(),
            detail: "x".repeat(bytes),
            created_at: Timestamp::from_millis(0),
            attempts: 0,
            next_attempt_at: Timestamp::from_millis(0),
        }
    }

    /// The outcome of an entry.
    #[derive(Clone, Copy, Debug)]
    enum Fate {
        Lands,
        Again,
        AgainAlone,
        Blocks,
    }

    fn fates() -> impl Strategy<Value = Vec<Fate>> {
        use Fate::{Again, AgainAlone, Blocks, Lands};
        vec(prop_oneof![6 => Just(Lands), 2 => Just(Again), 1 => Just(AgainAlone), 1 => Just(Blocks)], 1..40)
    }

    fn batches() -> impl Strategy<Value = Vec<PendingEvent>> {
        let size = prop_oneof![4 => 1..2_000_usize, 1 => 90_000..300_000_usize];
        vec((0..6_usize, 1..8_u64, size), 0..60).prop_map(|events| {
            events.into_iter().map(|(stream, seq, size)| event(stream, seq, size)).collect()
        })
    }

    proptest! {
        #[test]
        fn streams_stay_in_order_and_nothing_is_lost(batch in batches(), fates in fates(), calls in 1..5_usize) {
            let all: HashSet<_> = batch.iter().map(|event| event.key.clone()).collect();
            let mut fates = fates.into_iter().cycle();
            let mut waves = Waves::of(batch);
            let (mut in_air, mut landed, mut blocked) = (VecDeque::new(), HashMap::new(), HashSet::new());
            // Each event is tried at most ten times: an endless sequence of `Again` proves nothing.
            loop {
                while in_air.len() < calls {
                    let call = waves.next_call();
                    if call.is_empty() {
                        break;
                    }
                    let bytes: usize = call.iter().map(|flight| bus::entry_bytes(&flight.event)).sum();
                    prop_assert!(call.len() <= MAX_ENTRIES);
                    prop_assert!(bytes <= MAX_BYTES || call.len() == 1);
                    prop_assert!(call.len() == 1 || call.iter().all(|flight| !flight.alone));
                    in_air.push_back(call);
                }
                let flying: Vec<_> = in_air.iter().flatten().map(|flight: &Flight| flight.stream).collect();
                prop_assert_eq!(flying.len(), flying.iter().collect::<HashSet<_>>().len(), "two of a stream");
                let Some(call) = in_air.pop_front() else { break };
                for flight in call {
                    let EventKey { stream, sequence } = flight.event.key.clone();
                    let attempts = flight.attempts + 1;
                    let flight = flight.after(attempts);
                    match fates.next() {
                        Some(Fate::Blocks) => { blocked.insert(stream); }
                        Some(Fate::Again) if attempts < 10 => waves.again(flight),
                        Some(Fate::AgainAlone) if attempts < 10 => waves.again(flight.alone()),
                        _ => {
                            let sequences: &mut Vec<u64> = landed.entry(stream).or_default();
                            prop_assert!(sequences.last().is_none_or(|last| *last < sequence), "out of order");
                            sequences.push(sequence);
                            waves.landed(&flight);
                        }
                    }
                }
            }
            for key in all {
                let has_landed = landed.get(&key.stream).is_some_and(|seqs| seqs.contains(&key.sequence));
                prop_assert!(has_landed || blocked.contains(&key.stream), "lost: {key:?}");
            }
        }
    }

    #[test]
    fn events_of_many_streams_share_a_call() {
        let mut waves = Waves::of((0..12).map(|stream| event(stream, 1, 10)).collect());

        let sizes = [waves.next_call().len(), waves.next_call().len(), waves.next_call().len()];

        assert_eq!(sizes, [10, 2, 0]);
    }

    #[test]
    fn an_event_above_the_limit_goes_alone() {
        let mut waves = Waves::of(vec![event(1, 1, 10), event(2, 1, MAX_BYTES + 1), event(3, 1, 10)]);

        let sizes = [waves.next_call().len(), waves.next_call().len(), waves.next_call().len()];

        assert_eq!(sizes, [1, 1, 1]);
    }
}
