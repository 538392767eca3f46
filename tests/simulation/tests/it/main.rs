//! The product holds every invariant; a product that lacks a part of it does not.
#![expect(clippy::print_stdout, reason = "a history that fails is printed, so that it can be played again")]

mod controls;
mod replay;

use simulation::{System, play_all};

/// What every hundred histories must hold, or they would prove little.
const FAULTS: [&str; 24] = [
    "answer lost",
    "call done after the caller had given up",
    "call failed after its effect",
    "call failed before its effect",
    "call never answered",
    "call slow",
    "call throttled",
    "clock wrong by ten minutes",
    "entries refused, all",
    "entries refused, others taken",
    "event too large",
    "killed after a call",
    "killed before a call",
    "mark lost",
    "permission denied",
    "record forgotten or given up",
    "record repeated",
    "record unreadable",
    "records reordered",
    "request lost",
    "stream cut off",
    "sweep outside the schedule",
    "tables restored",
    "two relays at once",
];

/// What people must have done in them.
const CHANGES: [&str; 27] = [
    "administrator deposed",
    "edited",
    "password-reset.requested",
    "picture removed",
    "picture set",
    "reactivated",
    "registration.requested",
    "role deleted",
    "role revoked",
    "role.changed",
    "session refreshed",
    "session.ended",
    "session.started",
    "sessions.ended",
    "user.created",
    "user.deletion-requested",
    "user.email-change-requested",
    "user.email-changed",
    "user.invitation-accepted",
    "user.password-changed",
    "user.password-reset",
    "user.password-reset-requested",
    "user.registered",
    "user.role-granted",
    "user.signed-out",
    "user.suspended",
    "user.updated",
];

#[test]
fn whatever_fails_every_promise_is_kept() {
    let report = play_all(0..200, &System::default());

    println!("{report}");
    assert_eq!(report.failed, [0_u64; 0], "play one again: cargo run -p simulation -- --seed <seed>");
    assert!(report.erased > 0, "nobody was erased");
    for change in CHANGES {
        assert!(report.done().contains_key(change), "never done: {change}");
    }
    for fault in FAULTS {
        assert!(report.struck().contains_key(fault), "never struck: {fault}");
    }
}
