//! What many plays came to.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{Invariant, Outcome};

/// The sum of many outcomes.
#[derive(Debug, Default)]
pub struct Report {
    histories: u64,
    /// Seeds of those that failed, lowest first.
    pub failed: Vec<u64>,
    violations: BTreeMap<Invariant, u64>,
    done: BTreeMap<&'static str, u64>,
    struck: BTreeMap<String, u64>,
    calls: u64,
    promises: u64,
    events: u64,
    /// Users who are erased.
    pub erased: u64,
    publications: u64,
    duplicates: u64,
    /// The same for the same histories, in whatever order they were played.
    fingerprint: u64,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// Adds the outcome of a seed.
    pub fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.histories += 1;
        if !outcome.violations.is_empty() {
            self.failed.push(seed);
            self.failed.sort_unstable();
        }
        for violation in &outcome.violations {
            *self.violations.entry(violation.invariant).or_default() += 1;
        }
        for (kind, times) in &outcome.done {
            *self.done.entry(kind).or_default() += times;
        }
        for (kind, times) in &outcome.struck {
            *self.struck.entry(kind.clone()).or_default() += times;
        }
        self.calls += outcome.calls;
        self.promises += outcome.promises;
        self.events += outcome.events;
        self.erased += outcome.erased;
        self.publications += outcome.publications;
        self.duplicates += outcome.duplicates;
        self.fingerprint = self.fingerprint.wrapping_add(outcome.fingerprint);
    }

    /// How often people were answered that something is done.
    #[must_use]
    pub const fn done(&self) -> &BTreeMap<&'static str, u64> {
        &self.done
    }

    /// How often each kind of fault has struck.
    #[must_use]
    pub const fn struck(&self) -> &BTreeMap<String, u64> {
        &self.struck
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let violations = |invariant| self.violations.get(&invariant).copied().unwrap_or_default();
        writeln!(f, "| what | how often |\n|---|--:|")?;
        let lines = [
            ("histories", self.histories),
            ("promises made to people", self.promises),
            ("calls of AWS", self.calls),
            ("events committed", self.events),
            ("users erased", self.erased),
            ("publications", self.publications),
            ("of these, published again", self.duplicates),
            ("events lost", violations(Invariant::Published)),
            ("events reordered", violations(Invariant::Ordered)),
            ("changes without exactly one event", violations(Invariant::Numbered)),
            ("items that do not match", violations(Invariant::Consistent)),
            ("without an administrator", violations(Invariant::Administrable)),
            ("published, not committed", violations(Invariant::Committed)),
            ("published with another text", violations(Invariant::Frozen)),
            ("promises taken back", violations(Invariant::Kept)),
            ("stuck", violations(Invariant::Moving)),
        ];
        for (what, times) in lines {
            writeln!(f, "| {what} | {times} |")?;
        }
        writeln!(f, "\n| answered | how often |\n|---|--:|")?;
        for (kind, times) in &self.done {
            writeln!(f, "| {kind} | {times} |")?;
        }
        writeln!(f, "\n| fault | how often it struck |\n|---|--:|")?;
        for (kind, times) in &self.struck {
            writeln!(f, "| {kind} | {times} |")?;
        }
        write!(f, "\n{:.0} s; fingerprint {:016x}", self.took.as_secs_f64(), self.fingerprint)
    }
}
