//! Negative controls: each takes one part of the product away, and the simulation sees it.

use std::collections::BTreeSet;

use simulation::{History, Invariant, System, naive, play, shrink};

/// The first of `most` histories that breaks `invariant`, made small, and all that it breaks.
fn broken(system: &System, invariant: Invariant, most: u64) -> (History, BTreeSet<Invariant>) {
    let broken_by = |history: &History| -> BTreeSet<Invariant> {
        play(history, system).violations.iter().map(|violation| violation.invariant).collect()
    };
    let found = (0..most).map(History::of).find(|history| broken_by(history).contains(&invariant));
    let found = found.unwrap_or_else(|| panic!("{most} histories, and {invariant:?} holds in all"));
    let smallest = shrink(&found, |history| broken_by(history).contains(&invariant));
    println!("{invariant:?} is broken by {smallest:?}");
    assert!(play(&smallest, &System::default()).violations.is_empty(), "the product itself is not");
    let invariants = broken_by(&smallest);
    (smallest, invariants)
}

#[test]
fn without_waves_events_are_reordered() {
    let system = System { relay: naive::WITHOUT_WAVES, ..System::default() };

    let (smallest, invariants) = broken(&system, Invariant::Ordered, 200);

    assert!(!invariants.contains(&Invariant::Published), "late, but not lost: {smallest:?}");
}

#[test]
fn without_reading_each_entry_events_are_lost() {
    let system = System { relay: naive::ENTRIES_IGNORED, ..System::default() };

    broken(&system, Invariant::Published, 200);
}

#[test]
fn without_marks_nothing_ever_ends() {
    let system = System { marks: false, ..System::default() };

    let (_, invariants) = broken(&system, Invariant::Moving, 3);

    assert!(!invariants.contains(&Invariant::Published), "published again and again, but not lost");
}

#[test]
fn without_the_sweeper_what_the_stream_forgets_is_lost() {
    let system = System { sweeps: false, ..System::default() };

    let (_, invariants) = broken(&system, Invariant::Published, 200);

    assert!(invariants.contains(&Invariant::Moving), "and it waits for ever");
}

#[test]
fn without_a_frozen_text_an_event_that_comes_again_is_another() {
    let system = System { relay: naive::TEXT_MADE_ANEW, ..System::default() };

    let (_, invariants) = broken(&system, Invariant::Frozen, 200);

    assert!(!invariants.contains(&Invariant::Published), "published all the same");
}
