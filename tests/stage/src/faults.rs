//! Faults that a test brings about when it is ready for them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use local::calls::{Call, Fate};
use tokio::sync::Notify;

/// Calls of one function that go wrong for as long as a test says.
pub struct Outage(Arc<AtomicBool>);

impl Outage {
    /// Of `function`, all calls meet `fate` but the first so many. Returns what watches for them, too.
    pub fn after(
        calls: usize,
        function: &'static str,
        fate: fn() -> Fate,
    ) -> (Self, impl Fn(&Call) -> Fate + Send + Sync + 'static) {
        let (is_on, made) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
        let switch = Arc::clone(&is_on);
        let watcher = move |call: &Call| {
            let counts = switch.load(SeqCst) && call.function == function;
            if counts && made.fetch_add(1, SeqCst) >= calls { fate() } else { Fate::Proceed }
        };
        (Self(is_on), watcher)
    }

    /// From now on.
    pub fn begin(&self) {
        self.0.store(true, SeqCst);
    }

    /// No longer.
    pub fn end(&self) {
        self.0.store(false, SeqCst);
    }
}

/// What is lost of each commit of a function, however often it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It takes effect, and nobody hears of it.
    Answer,
    /// It never arrives.
    Request,
}

impl Lost {
    /// What loses it.
    pub fn of_commits(self, function: &'static str) -> impl Fn(&Call) -> Fate + Send + Sync + 'static {
        move |call| match self {
            _ if call.function != function || call.operation != "TransactWriteItems" => Fate::Proceed,
            Self::Answer => Fate::AnswerLost,
            Self::Request => Fate::RequestLost,
        }
    }
}

/// One call that is made late: after what a test does in between.
#[derive(Clone, Default)]
pub struct Late(Arc<Moments>);

#[derive(Default)]
struct Moments {
    is_expected: AtomicBool,
    has_come: Notify,
    may_go_on: Notify,
}

impl Late {
    /// What holds back the first call that is `meant`, once it is expected.
    pub fn holding(
        &self,
        meant: impl Fn(&Call) -> bool + Send + Sync + 'static,
    ) -> impl Fn(&Call) -> Fate + Send + Sync + 'static {
        let moments = Arc::clone(&self.0);
        move |call| {
            if !meant(call) || !moments.is_expected.swap(false, SeqCst) {
                return Fate::Proceed;
            }
            moments.has_come.notify_one();
            let moments = Arc::clone(&moments);
            Fate::After(Box::pin(async move { moments.may_go_on.notified().await }))
        }
    }

    /// The next such call is the one.
    pub fn expect(&self) {
        self.0.is_expected.store(true, SeqCst);
    }

    /// Waits until it is held back.
    pub async fn has_come(&self) {
        self.0.has_come.notified().await;
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.0.may_go_on.notify_one();
    }
}
