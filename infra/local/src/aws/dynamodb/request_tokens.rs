//! `ClientRequestToken`: DynamoDB makes a transaction once, however often it is asked for within ten minutes.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use cloud::Clock;
use dynoxide::DynoxideError;

use crate::aws::recent::Recent;

/// `docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html`.
const REMEMBERED: Duration = Duration::from_mins(10);

/// The tokens of the transactions that were made lately, by their digests: there may be hundreds of thousands.
pub(crate) struct RequestTokens {
    clock: Clock,
    hashes: [RandomState; 2],
    made: Mutex<Recent<[u64; 2], u64>>,
}

impl RequestTokens {
    pub(crate) fn new(clock: Clock) -> Self {
        let hashes = [RandomState::new(), RandomState::new()];
        Self { clock, hashes, made: Mutex::new(Recent::new(REMEMBERED)) }
    }

    /// Makes a transaction, or returns `None` if the same one was made with this token before. One that
    /// fails is not remembered.
    ///
    /// # Errors
    /// `IdempotentParameterMismatchException` if the token was used for another transaction.
    pub(crate) fn once<T>(
        &self,
        token: &str,
        items: &str,
        transact: impl FnOnce() -> Result<T, DynoxideError>,
    ) -> Result<Option<T>, DynoxideError> {
        let key = [0, 1].map(|position: usize| self.hashes[position].hash_one(token));
        let fingerprint = self.hashes[0].hash_one(items);
        // Held while the transaction is made: a second one with the same token has to wait for its end.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        match made.get(&key, self.clock.now()) {
            Some(known) if *known == fingerprint => return Ok(None),
            Some(_) => {
                let message = "The token was used for another transaction.".to_owned();
                return Err(DynoxideError::IdempotentParameterMismatchException(message));
            }
            None => {}
        }
        let answer = transact()?;
        made.insert(key, fingerprint, self.clock.now());
        Ok(Some(answer))
    }
}
