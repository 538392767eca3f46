//! Every five minutes: erases whoever has asked for it and has not come back.
//!
//! The steps can be taken any number of times, by two at once, and be broken off between any two: what
//! is left of a user is found again until the last one, which frees the address and leaves a tombstone.

use std::time::Duration;

use cloud::{Clock, Cloud, Failed, Function, Invocation, Random, SettingError, chain};
use domain::{Actor, Cause, Id, Stream, Timestamp, User};
use serde::{Serialize, de::IgnoredAny};
use store::{Erasure, Failure, History, Refused, Runs, Store};

/// By then the relay takes no record's word any more for what an event says: it looks the event up.
const SETTLED: Duration = Duration::from_mins(5);
/// Kept back from the deadline, so that no user is begun who cannot be finished.
const TIME_TO_FINISH: Duration = Duration::from_secs(10);

/// Erases.
pub struct EraseUsers {
    runs: Runs,
    store: Store,
    history: History,
    clock: Clock,
    random: Random,
}

/// What a run has done.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Users who are gone by it.
    pub erased: usize,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<EraseUsers, SettingError> {
    let store = Store::new(cloud)?;
    let history = History::new(cloud, store.identities())?;
    let runs = Runs::new(cloud, "erase-users")?;
    Ok(EraseUsers { runs, store, history, clock: cloud.clock(), random: cloud.random() })
}

impl Function for EraseUsers {
    type Event = IgnoredAny;
    type Answer = Answer;

    async fn call(&self, _: IgnoredAny, invocation: Invocation) -> Result<Answer, Failed> {
        self.runs.noting(self.run(invocation)).await
    }
}

impl EraseUsers {
    async fn run(&self, invocation: Invocation) -> Result<Answer, Failed> {
        let due_at = self.clock.now().minus(SETTLED);
        let (mut answer, mut failures, mut after) = (Answer::default(), 0, None);
        loop {
            let due = self.due(due_at, after).await?;
            after = due.last().copied();
            for erasure in due {
                if invocation.deadline.left() < TIME_TO_FINISH {
                    tracing::warn!("there is no time for everybody: the next run goes on");
                    return conclude(answer, failures);
                }
                match Box::pin(self.erase(erasure, &invocation.id)).await {
                    Ok(is_erased) => answer.erased += usize::from(is_erased),
                    Err(failure) => {
                        let user_id = erasure.user_id.to_string();
                        tracing::error!(user_id, cause = chain(&failure), "not erased");
                        failures += 1;
                    }
                }
            }
            if after.is_none() {
                return conclude(answer, failures);
            }
        }
    }

    async fn due(&self, now: Timestamp, after: Option<Erasure>) -> Result<Vec<Erasure>, Failed> {
        self.store.identities().due_erasures(now, after).await.map_err(|failure| {
            tracing::error!(cause = chain(&failure), "nobody knows who is to be erased");
            Failed("the table does not answer")
        })
    }

    /// Says whether a user is gone by this. The user comes last: until then everything is found again.
    ///
    /// # Errors
    /// If the tables do not answer.
    pub async fn erase(&self, erasure: Erasure, invocation: &str) -> Result<bool, Failure> {
        let identities = self.store.identities();
        let Some(user) = self.waiting(erasure).await? else { return Ok(false) };
        let registration = Id::from_uuid(user.id.uuid());
        tokio::try_join!(
            identities.delete_belongings(user.id),
            self.history.redact(Stream::User(user.id)),
            self.history.redact(Stream::Registration(registration)),
        )?;
        let credential = identities.credential(user.email.canonical()).await?;
        let credential = credential.filter(|credential| credential.user_id == user.id);

        let (tombstone, event) = user.erase(self.cause(&user, invocation));
        let store = self.store.answering(None);
        match store.erase(&tombstone, erasure, credential.as_ref(), event).await {
            Ok(()) => Ok(true),
            // Another run was quicker, or the user came back at the last moment, as their clock has it.
            Err(Refused::Stale) if self.waiting(erasure).await?.is_none() => Ok(false),
            Err(Refused::Stale) => Err(Failure::Contended),
            Err(Refused::Failed(failure)) => Err(failure),
        }
    }

    /// The user, if that is still what they wait for.
    async fn waiting(&self, erasure: Erasure) -> Result<Option<User>, Failure> {
        let user = self.store.identities().user(erasure.user_id).await?;
        Ok(user.filter(|user| Erasure::of(user) == Some(erasure)))
    }

    /// The user has asked for it.
    fn cause(&self, user: &User, invocation: &str) -> Cause {
        let occurred_at = self.clock.now();
        Cause {
            event_id: self.random.id(occurred_at),
            occurred_at,
            actor: Actor::User(user.id),
            correlation_id: invocation.to_owned(),
            traceparent: None,
        }
    }
}

fn conclude(answer: Answer, failures: usize) -> Result<Answer, Failed> {
    tracing::info!(answer.erased, failures, "erased");
    // Nobody may be forgotten in silence: a failed call is what alarms look at.
    if failures > 0 { Err(Failed("some users are not erased")) } else { Ok(answer) }
}
