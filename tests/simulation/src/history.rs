//! A history: what people do and what goes wrong, each at its moment. Plain data, made of a seed, so
//! that one that fails can be played again, and made smaller.

use std::fmt;

/// What happens, in the order of time.
#[derive(Clone, PartialEq, Eq)]
pub struct History {
    /// Also seeds all ids, salts and waits.
    pub seed: u64,
    /// What happens.
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Milliseconds after the beginning.
    pub at: u64,
    /// What happens.
    pub what: What,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Somebody does something.
    Act(usize, Act),
    /// Something goes wrong from now on.
    Fault(Fault),
}

/// What people do. A number picks one of the sessions that they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Asks for an account.
    Register,
    /// Opens the newest link.
    Verify,
    /// Starts a session.
    LogIn,
    /// Refreshes a session.
    Refresh(usize),
    /// Presents the first refresh token of a session again, as a thief would.
    Reuse(usize),
    /// Ends a session.
    LogOut(usize),
    /// From one session, ends another.
    EndSession(usize, usize),
    /// Ends every session but one.
    EndOthers(usize),
    /// Changes the profile.
    Rename(usize),
    /// Chooses another password, from a session that goes on.
    ChangePassword(usize),
    /// Asks for a link to choose another password.
    ForgetPassword,
    /// Opens the newest such link, and chooses one.
    ResetPassword,
    /// Asks to use another address.
    RequestAddress(usize),
    /// Opens the newest link that was mailed to another address.
    VerifyAddress(usize),
    /// Uploads a picture and makes it the picture of the profile.
    SetPicture(usize),
    /// Removes the picture of the profile.
    RemovePicture(usize),
    /// Wants to be erased.
    Leave(usize),
    /// Takes the role `admin` from the administrator, which needs the same role.
    Depose(usize),
    /// Is kept from signing in, by the administrator from one of their sessions.
    Suspended(usize),
    /// May sign in again, as the administrator says.
    Reactivated(usize),
    /// Is signed out everywhere, by the administrator.
    SignedOut(usize),
    /// Is deleted, by the administrator.
    Deleted(usize),
    /// Is invited by the administrator.
    Invited(usize),
    /// Opens the newest invitation, and chooses a password.
    AcceptInvitation,
    /// Gets another name from the administrator.
    Edited(usize),
    /// Gets a link to choose another password from the administrator.
    ResetStarted(usize),
    /// Gets a role from the administrator.
    Granted(usize, Role),
    /// Loses a role, by the administrator.
    Revoked(usize, Role),
    /// The administrator defines the role `editor` again.
    RoleChanged(usize),
    /// The administrator deletes the role `editor`.
    RoleDeleted(usize),
}

/// A role that users are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The role of administrators.
    Admin,
    /// A role that the administrator defines.
    Editor,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next calls of an operation by a function end like this.
    Calls {
        /// Whose.
        by: &'static str,
        /// Which.
        operation: &'static str,
        /// How they end.
        end: End,
        /// How many.
        times: u32,
    },
    /// The next `PutEvents` calls take only some of their entries.
    Entries {
        /// A bit for each entry that is refused; they turn from call to call.
        refused: u32,
        /// Calls with fewer entries are left alone.
        at_least: usize,
        /// How many calls.
        times: u32,
    },
    /// The next run of a function is killed at one of its calls.
    Kill {
        /// Whose.
        by: &'static str,
        /// At which call.
        call: u32,
        /// Whether that call takes effect.
        after: bool,
    },
    /// A service answers relay and sweeper that they have no right.
    Denied {
        /// `events` or `dynamodb`.
        service: &'static str,
        /// For so many milliseconds.
        millis: u64,
    },
    /// No note of a delivery is written.
    MarksLost {
        /// For so many milliseconds.
        millis: u64,
    },
    /// Every process of a function that starts from now on is wrong by so many minutes.
    Clock {
        /// Whose.
        by: &'static str,
        /// Ahead, or behind.
        minutes: i64,
    },
    /// The mapping goes back by so many records.
    Duplicate(usize),
    /// What is not read yet comes in another order.
    Reorder,
    /// Batches have at most so many records for so many milliseconds.
    SmallBatches(usize, u64),
    /// Nothing is read from the stream for so many milliseconds; it forgets after a day.
    CutOff(u64),
    /// A second mapping, which begins so many records earlier, for so many milliseconds.
    SecondRelay(usize, u64),
    /// A sweep outside the schedule.
    SecondSweep,
    /// Somebody writes an item that is no event into the table.
    Unreadable,
    /// An event that is larger than the bus takes, and one after it.
    TooLarge,
    /// The tables become what they are now, so many milliseconds later.
    Restore(u64),
}

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Refused by too many calls.
    Throttled,
    /// Refused by an error of the service.
    Refused,
    /// Done, and answered by an error of the service.
    DoneButRefused,
    /// The connection breaks before.
    RequestLost,
    /// The connection breaks after.
    AnswerLost,
    /// Done late.
    Slow(u64),
    /// Done late, when whoever asked has given up.
    DoneLater(u64),
    /// Not done, not answered.
    Silent,
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}", self.seed)?;
        for Step { at, what } in &self.steps {
            write!(f, "\n  {:>10.3} s  {what:?}", std::time::Duration::from_millis(*at).as_secs_f64())?;
        }
        Ok(())
    }
}
