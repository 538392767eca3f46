//! Values that a service remembers for a while, and then forgets.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    time::Duration,
};

use domain::Timestamp;

/// Values by key, each remembered for the same time. The work does not grow with their number.
pub(crate) struct Recent<K, V> {
    window: Duration,
    values: HashMap<K, V>,
    oldest_first: VecDeque<(Timestamp, K)>,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    pub(crate) fn new(window: Duration) -> Self {
        Self { window, values: HashMap::new(), oldest_first: VecDeque::new() }
    }

    pub(crate) fn get(&mut self, key: &K, now: Timestamp) -> Option<&V> {
        self.forget(now);
        self.values.get(key)
    }

    /// Remembers a value from now on; a key that is known keeps its time.
    pub(crate) fn insert(&mut self, key: K, value: V, now: Timestamp) {
        if self.values.insert(key.clone(), value).is_none() {
            self.oldest_first.push_back((now, key));
        }
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((_, key)) = self.oldest_first.pop_front_if(|(at, _)| now.since(*at) > self.window) {
            self.values.remove(&key);
        }
    }
}
