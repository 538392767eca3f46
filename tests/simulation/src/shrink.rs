//! Makes a history that fails smaller, as long as it fails.

use crate::History;

/// A smallest history: with any further step taken away, `fails` says no.
#[must_use]
pub fn shrink(history: &History, fails: impl Fn(&History) -> bool) -> History {
    let mut smallest = history.clone();
    let mut size = smallest.steps.len() / 2;
    while size > 0 {
        let mut from = 0;
        let before = smallest.steps.len();
        while from < smallest.steps.len() {
            let mut smaller = smallest.clone();
            smaller.steps.drain(from..(from + size).min(smallest.steps.len()));
            if fails(&smaller) {
                smallest = smaller;
            } else {
                from += size;
            }
        }
        // One by one, until nothing more can go.
        if size > 1 || smallest.steps.len() == before {
            size /= 2;
        }
    }
    smallest
}
