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
    let act = |at| Step { at, what: What::Act(0, if at % 10 == 3 { Act::LogIn } else { Act::LogOut(0) }) };
    let fault = Step { at: 41, what: What::Fault(Fault::MarksLost { millis: 1 }) };
    let history = History {
        seed: 1,
        steps: (0..40).map(act).chain([fault.clone()]).chain((42..80).map(act)).collect(),
    };
    let fails = |history: &History| {
        let log_ins = history.steps.iter().filter(|step| step.what == What::Act(0, Act::LogIn));
        history.steps.contains(&fault) && log_ins.count() >= 2
    };

    let smallest = shrink(&history, fails);

    assert_eq!(smallest.steps.len(), 3, "{smallest:?}");
    assert!(fails(&smallest));
}
