//! From a seed to its history.

use fastrand::Rng;

use crate::history::{Act, End, Fault, History, Role, Step, What};

/// Functions that people call.
pub(crate) const API: [&str; 27] = [
    "register",
    "verify-registration",
    "log-in",
    "refresh-session",
    "log-out",
    "end-session",
    "end-other-sessions",
    "update-profile",
    "change-password",
    "request-password-reset",
    "reset-password",
    "change-email",
    "verify-email-change",
    "read-upload-form",
    "set-picture",
    "delete-account",
    "create-user",
    "update-user",
    "start-password-reset",
    "grant-role",
    "revoke-role",
    "put-role",
    "delete-role",
    "suspend-user",
    "reactivate-user",
    "end-user-sessions",
    "delete-user",
];
/// The number of people in a history; the first ones are users from the start.
pub(crate) const PEOPLE: usize = 5;
/// The administrator, a user from the start.
pub(crate) const ADMINISTRATOR: usize = PEOPLE;
/// Users from the start.
pub(crate) const USERS: usize = 3;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

impl History {
    /// The history of a seed: always the same one.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let mut moments: Vec<u64> = (0..dice.usize(2..=5)).map(|_| dice.u64(0..20 * MINUTE)).collect();
        let mut steps = Vec::new();
        for _ in 0..dice.usize(2..=8) {
            let moment = dice.choice(&moments).copied().unwrap_or_default();
            let fault = fault(&mut dice);
            let at = (moment + dice.u64(0..3 * SECOND)).saturating_sub(dice.u64(0..3 * SECOND));
            if let Fault::CutOff(millis) = fault {
                // Somebody is there when the stream is read again.
                moments.push(at + millis);
            }
            steps.push(Step { at, what: What::Fault(fault) });
        }
        for moment in &moments {
            burst(&mut dice, *moment, &mut steps);
        }
        for newcomer in USERS..PEOPLE {
            match dice.u32(0..8) {
                0 | 1 => joining(&mut dice, newcomer, &mut steps),
                2 => invited(&mut dice, newcomer, &mut steps),
                _ => {}
            }
        }
        for moment in moments {
            administering(&mut dice, moment, &mut steps);
            if dice.u32(0..3) == 0 {
                moving(&mut dice, moment, &mut steps);
            }
        }
        steps.sort_by_key(|step| step.at);
        Self { seed, steps }
    }
}

/// Few people, much at once: they collide, and share batches.
fn burst(dice: &mut Rng, moment: u64, steps: &mut Vec<Step>) {
    let (person, others) = (dice.usize(0..USERS), dice.u32(1..4));
    let spread = if dice.bool() { SECOND / 20 } else { 2 * SECOND };
    for _ in 0..dice.usize(2..=6) {
        let person = if dice.u32(0..4) < others { dice.usize(0..USERS) } else { person };
        let session = dice.usize(0..6);
        let act = match dice.u32(0..28) {
            0 | 1 => Act::LogIn,
            2..=4 => Act::Refresh(session),
            5..=7 => Act::Reuse(session),
            8 | 9 => Act::EndSession(session, dice.usize(0..6)),
            10 => Act::EndOthers(session),
            11..=13 => Act::Rename(session),
            14 => Act::ChangePassword(session),
            15 => Act::ForgetPassword,
            16 => Act::ResetPassword,
            17 if dice.bool() => Act::Leave(session),
            18 | 19 => Act::SetPicture(session),
            20 => Act::RemovePicture(session),
            21 if dice.bool() => Act::Depose(session),
            _ => Act::LogOut(session),
        };
        steps.push(Step { at: moment + dice.u64(0..spread), what: What::Act(person, act) });
    }
}

/// The administrator changes users and roles, sometimes their own.
fn administering(dice: &mut Rng, moment: u64, steps: &mut Vec<Step>) {
    for _ in 0..dice.usize(0..=4) {
        let (person, session) = (dice.usize(0..USERS), dice.usize(0..6));
        let person = if dice.u32(0..12) == 0 { ADMINISTRATOR } else { person };
        let role = if dice.bool() { Role::Admin } else { Role::Editor };
        let act = match dice.u32(0..20) {
            0 | 1 => Act::Suspended(session),
            2..=4 => Act::Reactivated(session),
            5 | 6 => Act::SignedOut(session),
            7 => Act::Deleted(session),
            8 | 9 => Act::Edited(session),
            10 => Act::ResetStarted(session),
            11..=14 => Act::Granted(session, role),
            15 | 16 => Act::Revoked(session, role),
            17 | 18 => Act::RoleChanged(session),
            _ => Act::RoleDeleted(session),
        };
        steps.push(Step { at: moment + dice.u64(0..2 * SECOND), what: What::Act(person, act) });
    }
}

/// A user asks for another address, and opens the link once or twice.
fn moving(dice: &mut Rng, moment: u64, steps: &mut Vec<Step>) {
    let (person, session) = (dice.usize(0..USERS), dice.usize(0..6));
    let mut push = |at, act| steps.push(Step { at, what: What::Act(person, act) });
    push(moment + dice.u64(0..2 * SECOND), Act::RequestAddress(session));
    let opened = moment + dice.u64(5 * SECOND..2 * MINUTE);
    for _ in 0..dice.usize(1..=2) {
        push(opened + dice.u64(0..SECOND / 4), Act::VerifyAddress(dice.usize(0..6)));
    }
    push(opened + dice.u64(2 * SECOND..MINUTE), Act::LogIn);
}

/// The administrator invites a newcomer, who opens the link once or twice, and logs in.
fn invited(dice: &mut Rng, person: usize, steps: &mut Vec<Step>) {
    let mut at = dice.u64(0..15 * MINUTE);
    let mut push = |at, act| steps.push(Step { at, what: What::Act(person, act) });
    push(at, Act::Invited(dice.usize(0..6)));
    at += dice.u64(5 * SECOND..2 * MINUTE);
    for _ in 0..dice.usize(1..=2) {
        push(at + dice.u64(0..SECOND / 4), Act::AcceptInvitation);
    }
    push(at + dice.u64(2 * SECOND..MINUTE), Act::LogIn);
}

/// Somebody registers, opens the link once or twice, and logs in.
fn joining(dice: &mut Rng, person: usize, steps: &mut Vec<Step>) {
    let mut at = dice.u64(0..15 * MINUTE);
    let mut push = |at, act| steps.push(Step { at, what: What::Act(person, act) });
    push(at, Act::Register);
    at += dice.u64(SECOND..2 * MINUTE);
    for _ in 0..dice.usize(1..=3) {
        push(at + dice.u64(0..SECOND / 4), Act::Verify);
    }
    at += dice.u64(2 * SECOND..MINUTE);
    push(at, Act::LogIn);
    push(at + dice.u64(SECOND..MINUTE), Act::LogOut(0));
}

fn fault(dice: &mut Rng) -> Fault {
    match dice.u32(0..40) {
        0..=7 => calls(dice),
        8..=12 => {
            Fault::Entries { refused: dice.u32(..), at_least: dice.usize(1..=2), times: dice.u32(1..=12) }
        }
        13..=17 => {
            let by = any_function(dice);
            // A sweep makes many calls, and everything else few.
            let most = if by == "sweep-events" { 40 } else { 8 };
            Fault::Kill { by, call: dice.u32(0..most), after: dice.bool() }
        }
        18..=19 => Fault::Denied {
            service: if dice.u32(0..3) == 0 { "dynamodb" } else { "events" },
            millis: long(dice),
        },
        20..=21 => Fault::MarksLost { millis: dice.u64(SECOND..10 * MINUTE) },
        22..=24 => Fault::Clock { by: any_function(dice), minutes: if dice.bool() { 10 } else { -10 } },
        25..=27 => Fault::Duplicate(dice.usize(1..8)),
        28..=29 => Fault::Reorder,
        30 => Fault::SmallBatches(dice.usize(1..=3), dice.u64(MINUTE..20 * MINUTE)),
        31..=32 => Fault::CutOff(long(dice)),
        33..=34 => Fault::SecondRelay(dice.usize(0..8), dice.u64(SECOND..10 * MINUTE)),
        35 => Fault::SecondSweep,
        36..=37 => Fault::Unreadable,
        38 if dice.u32(0..3) == 0 => Fault::TooLarge,
        _ => Fault::Restore(dice.u64(SECOND..20 * MINUTE)),
    }
}

/// Relay and sweeper as often as all that people call.
fn any_function(dice: &mut Rng) -> &'static str {
    match dice.u32(0..5) {
        0 | 1 => "relay-events",
        2 => "sweep-events",
        3 => "send-mail",
        _ => dice.choice(API).unwrap_or("log-in"),
    }
}

/// A call that ends badly, up to so often that the SDK gives up.
fn calls(dice: &mut Rng) -> Fault {
    let (by, operation) = match dice.u32(0..10) {
        0 | 1 => ("relay-events", "PutEvents"),
        2 => ("relay-events", "UpdateItem"),
        3 => ("relay-events", "GetItem"),
        4 => ("relay-events", "*"),
        5 => ("sweep-events", *dice.choice(&["PutEvents", "Query", "UpdateItem"]).unwrap_or(&"Query")),
        6 => ("sweep-events", "*"),
        7 => ("send-mail", *dice.choice(&["UpdateItem", "SendEmail"]).unwrap_or(&"SendEmail")),
        _ => (dice.choice(API).unwrap_or("log-in"), "*"),
    };
    let end = match dice.u32(0..8) {
        0 => End::Throttled,
        1 => End::Refused,
        2 => End::DoneButRefused,
        3 => End::RequestLost,
        4 => End::AnswerLost,
        5 => End::Slow(dice.u64(100..5 * SECOND)),
        6 => End::DoneLater(dice.u64(100..30 * SECOND)),
        _ => End::Silent,
    };
    Fault::Calls { by, operation, end, times: dice.u32(1..=4) }
}

/// Seconds, minutes, or longer than any stream remembers.
fn long(dice: &mut Rng) -> u64 {
    match dice.u32(0..8) {
        0 | 1 => dice.u64(HOUR..30 * HOUR),
        2..=4 => dice.u64(MINUTE..30 * MINUTE),
        _ => dice.u64(SECOND..MINUTE),
    }
}
