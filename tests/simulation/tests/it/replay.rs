//! A seed is a history, and a history is a play: always the same.

use std::thread;

use simulation::{Act, Fault, History, Step, System, What, play, shrink};

#[test]
fn the_same_seed_is_the_same_play_to_the_last_call() {
    for seed in 1000..1012 {
        let outcome = || play(&History::of(seed), &System::default());
        let first = outcome();

        // Elsewhere, and after other plays.
        let second = thread::spawn(move || play(&History::of(seed), &System::default())).join();

        assert_eq!(second.ok(), Some(first), "seed {seed}");
    }
}

#[test]
fn another_seed_is_another_play() {
    let system = System::default();
    let [one, other] = [1, 2].map(|seed| play(&History::of(seed), &system).fingerprint);
    let mut later = History::of(1);
    later.seed = 3;

    assert_ne!(one, other);
    assert_ne!(one, play(&later, &system).fingerprint, "ids and waits come from the seed too");
}

#[test]
fn a_history_that_fails_shrinks_to_what_it_fails_by() {
    let is_to_blame = |step: &Step| matches!(step.what, What::Fault(Fault::MarksLost { .. }));
    let history = (0..)
        .map(History::of)
        .find(|history| history.steps.iter().filter(|step| is_to_blame(step)).count() == 1);
    let history = history.unwrap_or_else(|| unreachable!("some history loses marks"));

    let fails = |history: &History| {
        let log_outs = history.steps.iter().filter(|step| matches!(step.what, What::Act(_, Act::LogOut(_))));
        history.steps.iter().any(is_to_blame) && log_outs.count() >= 2
    };
    let mut history = history;
    history.steps.extend((0..20).map(|at| Step { at: 2_000_000 + at, what: What::Act(0, Act::LogOut(0)) }));
    let smallest = shrink(&history, fails);

    assert_eq!(smallest.steps.len(), 3, "{smallest:?}");
    assert!(fails(&smallest));
}
