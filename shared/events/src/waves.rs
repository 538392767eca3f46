//! Which events are published next. At most one event of a stream is in flight; that is all that
//! keeps order, since the bus keeps none. Pure bookkeeping: no I/O and no clock.

use std::collections::{BTreeMap, VecDeque};

use store::PendingEvent;

use crate::bus;

/// Entries of one call, by the API.
pub(crate) const MAX_ENTRIES: usize = 10;
/// Bytes of one call that hold several entries. The bus has taken 1 MB since 2026; 256 KB is taken
/// everywhere, and an event that is larger goes alone, for the bus to judge.
pub(crate) const MAX_BYTES: usize = 256 * 1024;

/// The events still to publish, stream by stream.
pub(crate) struct Waves {
    /// Each stream's events, without the one in flight, in order.
    waiting: Vec<VecDeque<PendingEvent>>,
    /// What may be sent now: at most one event of each stream.
    ready: VecDeque<Flight>,
}

/// An event that is being published: as long as it is, no other of its stream is.
#[derive(Debug)]
pub(crate) struct Flight {
    stream: usize,
    /// The event.
    pub(crate) event: PendingEvent,
    /// How many attempts were in vain.
    pub(crate) attempts: u32,
    /// Whether it goes alone: a call that held others as well was refused.
    alone: bool,
}

impl Flight {
    /// The same event, after so many attempts in vain.
    pub(crate) fn after(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// The same event, in a call of its own.
    pub(crate) fn alone(self) -> Self {
        Self { alone: true, ..self }
    }
}

impl Waves {
    /// Groups events by stream and sorts them; what is named twice is taken once.
    pub(crate) fn of(events: Vec<PendingEvent>) -> Self {
        // The order in which streams first appear is the order in which they start.
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

    /// The entries of the next call; empty if nothing may be sent now.
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

    /// The event is published, or never will be: the next one of its stream may be sent.
    pub(crate) fn landed(&mut self, flight: &Flight) {
        self.make_ready(flight.stream);
    }

    /// The event is to be sent again, before all later ones of its stream. An event that is neither
    /// landed nor sent again blocks its stream.
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

    /// What the bus does to an entry.
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
            // Every flight is tried ten times at most: an endless tail of `Again` proves nothing.
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
