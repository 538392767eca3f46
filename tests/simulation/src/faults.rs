//! The faults that are under way, and what becomes of each call because of them.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use local::calls::{Call, Fate, Refusal};

use crate::{
    history::{End, Fault},
    lambda::Run,
    state::is_event_stream,
};

/// The faults of a history.
#[derive(Default)]
pub(crate) struct Faults {
    /// Those that wait for their call, or last until a moment.
    armed: Vec<Fault>,
    until: Vec<(u64, Fault)>,
    /// Minutes by which the clocks of new processes are wrong.
    skews: BTreeMap<&'static str, i64>,
    /// Whether notes of deliveries are lost, faults or not: a negative control.
    pub(crate) loses_all_marks: bool,
    /// How often each kind has struck.
    pub(crate) struck: BTreeMap<String, u64>,
}

impl Faults {
    /// From `now` on.
    pub(crate) fn arm(&mut self, fault: Fault, now: u64) {
        match fault {
            Fault::Denied { millis, .. } | Fault::MarksLost { millis } => {
                self.until.push((now + millis, fault));
            }
            Fault::Clock { by, minutes } => {
                self.skews.insert(by, minutes);
            }
            fault => self.armed.push(fault),
        }
    }

    /// Nothing goes wrong any more.
    pub(crate) fn stop(&mut self) {
        (self.armed, self.until, self.skews) = Default::default();
    }

    /// A fault had its effect.
    pub(crate) fn strike(&mut self, kind: &str) {
        *self.struck.entry(kind.to_owned()).or_default() += 1;
    }

    /// By how many minutes the clock of a new process is wrong.
    pub(crate) fn skew(&mut self, function: &str) -> i64 {
        let minutes = self.skews.get(function).copied().unwrap_or_default();
        if minutes != 0 {
            self.strike("clock wrong by ten minutes");
        }
        minutes
    }

    /// Whether a run that begins now is to be killed: at which call, and whether after its effect.
    pub(crate) fn kill(&mut self, function: &str) -> Option<(u32, bool)> {
        let kill = |fault: &Fault| matches!(fault, Fault::Kill { by, .. } if *by == function);
        let position = self.armed.iter().position(kill)?;
        match self.armed.remove(position) {
            Fault::Kill { call, after, .. } => Some((call, after)),
            _ => None,
        }
    }

    /// What becomes of a call.
    pub(crate) fn fate(&mut self, run: &Run, call: &Call, now: u64) -> Fate {
        let number = run.calls.fetch_add(1, Ordering::SeqCst);
        if let Some((_, after)) = run.kill.filter(|(at, _)| *at == number) {
            run.killed.notify_one();
            self.strike(if after { "killed after a call" } else { "killed before a call" });
            // Whatever has reached the service is done, though nobody is there any more.
            return if after { Fate::DoneLater(Duration::ZERO) } else { Fate::Silence };
        }
        let delivers = ["relay-events", "sweep-events"].contains(&call.function.as_str());
        let stream = call.request["Key"]["stream"]["S"].as_str().unwrap_or_default();
        let is_mark = delivers && call.operation == "UpdateItem" && is_event_stream(stream);
        if is_mark && self.loses_all_marks {
            return Fate::RequestLost;
        }
        let lasting = self.until.iter().filter(|(until, _)| now < *until);
        let lasting = lasting.map(|(_, fault)| fault).find(|fault| match fault {
            Fault::Denied { service, .. } => delivers && *service == call.service,
            _ => is_mark,
        });
        match lasting {
            Some(Fault::Denied { .. }) => {
                self.strike("permission denied");
                return Fate::Refused(Refusal::ACCESS_DENIED);
            }
            Some(_) => {
                self.strike("mark lost");
                return Fate::RequestLost;
            }
            None => {}
        }
        self.once(call)
    }

    /// The faults that wait for a call.
    fn once(&mut self, call: &Call) -> Fate {
        let entries = call.request["Entries"].as_array().map_or(0, Vec::len);
        let meets = |fault: &Fault| match fault {
            Fault::Calls { by, operation, .. } => {
                *by == call.function && (*operation == "*" || *operation == call.operation)
            }
            Fault::Entries { at_least, .. } => entries >= *at_least,
            _ => false,
        };
        let Some(position) = self.armed.iter().position(meets) else { return Fate::Proceed };
        let (fate, kind, left) = match &mut self.armed[position] {
            Fault::Calls { end, times, .. } => {
                *times -= 1;
                let (fate, kind) = end.fate();
                (fate, Some(kind), *times)
            }
            Fault::Entries { refused, times, .. } => {
                *times -= 1;
                // Not always the same ones.
                *refused = refused.rotate_left(7);
                let positions: Vec<_> = (0..entries).filter(|at| *refused >> at & 1 == 1).collect();
                let kind = match positions.len() {
                    0 => None,
                    some if some < entries => Some("entries refused, others taken"),
                    _ => Some("entries refused, all"),
                };
                (Fate::EntriesRefused(positions), kind, *times)
            }
            _ => return Fate::Proceed,
        };
        if left == 0 {
            self.armed.remove(position);
        }
        if let Some(kind) = kind {
            self.strike(kind);
        }
        fate
    }
}

impl End {
    fn fate(self) -> (Fate, &'static str) {
        match self {
            Self::Throttled => (Fate::Refused(Refusal::THROTTLED), "call throttled"),
            Self::Refused => (Fate::Refused(Refusal::INTERNAL), "call failed before its effect"),
            Self::DoneButRefused => (Fate::DoneBut(Refusal::INTERNAL), "call failed after its effect"),
            Self::RequestLost => (Fate::RequestLost, "request lost"),
            Self::AnswerLost => (Fate::AnswerLost, "answer lost"),
            Self::Slow(millis) => (Fate::Delayed(Duration::from_millis(millis)), "call slow"),
            Self::DoneLater(millis) => {
                (Fate::DoneLater(Duration::from_millis(millis)), "call done after the caller had given up")
            }
            Self::Silent => (Fate::Silence, "call never answered"),
        }
    }
}
