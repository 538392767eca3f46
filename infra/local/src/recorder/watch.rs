//! The watchers and the record of the calls.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::calls::{Call, Fate, Made};

type Watcher = Arc<dyn Fn(&Call) -> Fate + Send + Sync>;

/// Who sees the calls.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    watchers: Vec<Watcher>,
    record: Option<Arc<Mutex<Vec<Made>>>>,
    ticks: Arc<AtomicU64>,
}

impl Watch {
    pub(crate) fn add(&mut self, watcher: impl Fn(&Call) -> Fate + Send + Sync + 'static) {
        self.watchers.push(Arc::new(watcher));
    }

    pub(crate) fn start_recording(&mut self) {
        self.record = Some(Arc::default());
    }

    /// Whether anybody looks: if not, calls need not be taken apart.
    pub(crate) fn is_watched(&self) -> bool {
        self.record.is_some() || !self.watchers.is_empty()
    }

    pub(crate) fn is_recorded(&self) -> bool {
        self.record.is_some()
    }

    pub(crate) fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    /// What becomes of the call: the first watcher that does not let it proceed decides.
    pub(crate) fn fate(&self, call: &Call) -> Fate {
        let mut fates = self.watchers.iter().map(|watcher| watcher(call));
        fates.find(|fate| !matches!(fate, Fate::Proceed)).unwrap_or(Fate::Proceed)
    }

    pub(crate) fn record(&self, made: Made) {
        if let Some(record) = &self.record {
            record.lock().unwrap_or_else(PoisonError::into_inner).push(made);
        }
    }

    pub(crate) fn take(&self) -> Vec<Made> {
        let record = self.record.as_deref();
        record
            .map(|made| std::mem::take(&mut *made.lock().unwrap_or_else(PoisonError::into_inner)))
            .unwrap_or_default()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
