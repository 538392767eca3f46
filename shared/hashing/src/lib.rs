//! Password hashing: Argon2id (RFC 9106) with a pepper.
//!
//! Every answer about a password costs one hash with the production parameters, whether there is
//! such a user or not. The memory that a hash needs is kept between calls, and wiped after each.
//!
//! Hashes that others have made are verified, too, and are then outdated: whoever logs in has one of
//! ours from then on. Until then a strong one is kept as it is, which takes the time that it takes; a
//! weak one is wrapped: what is stored is Argon2id over it, and its digest nowhere.

mod breach;
mod foreign;
mod memory;
mod parameters;
mod pepper;
mod phc;
mod stored;

use std::{num::NonZero, sync::Arc, thread};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use domain::{Password, PasswordHash, PepperSeeds};
use thiserror::Error;
use tokio::{sync::Semaphore, task};
use zeroize::Zeroizing;

pub use breach::BreachKey;
pub use foreign::{ForeignHash, InvalidForeignHash};
pub use parameters::{InvalidParameters, Parameters};
pub use pepper::pepper_id;
pub use stored::nothing;

use crate::{
    memory::Pool,
    pepper::{Pepper, Peppers},
    phc::{Phc, SALT_OCTETS, TAG_OCTETS},
    stored::Stored,
};

/// What a password proved to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The right one.
    Match,
    /// The right one, but hashed with other parameters, an old pepper or by others: hash it again now.
    MatchButOutdated,
    /// A wrong one, or there is no such user.
    Mismatch,
}

/// Why there is no answer: an operator's problem, never the caller's.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum HashError {
    /// A stored hash needs a pepper that is not in the credentials secret.
    #[error(
        "a stored password hash names a pepper that the credentials secret lacks: if it is still in the keys \
         secret, run `gatepost keys separate`"
    )]
    UnknownPepper,
    /// Somebody else wrote it.
    #[error("a stored password hash is not one that Gatepost writes")]
    Malformed,
    /// The process is shutting down, or the hash itself failed.
    #[error("the password was not hashed to the end")]
    Unfinished,
}

/// Hashes and verifies passwords, as many at a time as there are cores.
#[derive(Clone)]
pub struct Hasher {
    state: Arc<State>,
    /// More at a time would finish no sooner, and each takes its memory.
    turns: Arc<Semaphore>,
}

struct State {
    parameters: Parameters,
    peppers: Peppers,
    pool: Pool,
    /// Stands in for the hash of a user who does not exist. No password has it.
    nobody: Phc,
}

impl Hasher {
    /// A hasher with these parameters, and peppers derived from the seeds.
    #[must_use]
    pub fn new(parameters: Parameters, seeds: &PepperSeeds) -> Self {
        let state = State {
            parameters,
            peppers: Peppers::derive(seeds),
            pool: Pool::new(parameters.blocks()),
            nobody: Phc { parameters, salt: [0; SALT_OCTETS], tag: [0; TAG_OCTETS] },
        };
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self { state: Arc::new(state), turns: Arc::new(Semaphore::new(cores)) }
    }

    /// Hashes a new password with `salt`, which comes in as a value, fresh from the random source.
    ///
    /// # Errors
    /// [`HashError::Unfinished`].
    pub async fn hash(
        &self,
        password: &Password,
        salt: [u8; SALT_OCTETS],
    ) -> Result<PasswordHash, HashError> {
        let password = password.clone();
        self.run(move |state| state.hash(&password, salt)).await
    }

    /// Verifies a presented password against what is stored; with nothing stored, the same work is
    /// done to no avail. Only a hash of other parameters, until it is outdated no more, takes
    /// another time.
    ///
    /// # Errors
    /// [`HashError`], as late as a mismatch would be known.
    pub async fn verify(
        &self,
        password: &Password,
        stored: Option<&PasswordHash>,
    ) -> Result<Verdict, HashError> {
        let (password, stored) = (password.clone(), stored.cloned());
        self.run(move |state| state.verify(&password, stored.as_ref())).await
    }

    /// Makes a hash of somebody else's one that can be stored: as it is, or wrapped with `salt`, which
    /// comes in as a value, fresh from the random source.
    ///
    /// # Errors
    /// [`HashError::Unfinished`].
    pub async fn adopt(
        &self,
        foreign: ForeignHash,
        salt: [u8; SALT_OCTETS],
    ) -> Result<PasswordHash, HashError> {
        if foreign.is_strong() {
            return Ok(stored::as_it_is(&foreign));
        }
        self.run(move |state| state.wrap(&foreign, salt)).await
    }

    /// Whether a stored hash can be verified here.
    ///
    /// # Errors
    /// [`HashError::UnknownPepper`] if it was made with the seed of another system, or
    /// [`HashError::Malformed`].
    pub fn check(&self, stored: &PasswordHash) -> Result<(), HashError> {
        self.state.read(stored).map(drop)
    }

    /// Off the threads that serve requests, when it is its turn.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&State) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| HashError::Unfinished)?;
        let state = Arc::clone(&self.state);
        let work = move || {
            // Held until the work is done, also when nobody waits for it any more.
            let _turn = turn;
            work(&state)
        };
        task::spawn_blocking(work).await.map_err(|_| HashError::Unfinished)?
    }
}

impl State {
    fn hash(&self, password: &Password, salt: [u8; SALT_OCTETS]) -> Result<PasswordHash, HashError> {
        let (phc, pepper) = self.make(password.expose().as_bytes(), salt)?;
        Ok(PasswordHash { phc: phc.to_string(), pepper_id: pepper.id().to_owned() })
    }

    fn wrap(&self, foreign: &ForeignHash, salt: [u8; SALT_OCTETS]) -> Result<PasswordHash, HashError> {
        let (phc, pepper) = self.make(&foreign.digest, salt)?;
        Ok(stored::wrapped(&foreign.scheme, &phc, pepper))
    }

    /// A hash as new ones are.
    fn make(&self, input: &[u8], salt: [u8; SALT_OCTETS]) -> Result<(Phc, &Pepper), HashError> {
        let pepper = self.peppers.current();
        let tag = self.argon2id(input, &salt, pepper, self.parameters)?;
        Ok((Phc { parameters: self.parameters, salt, tag: *tag }, pepper))
    }

    fn verify(&self, password: &Password, stored: Option<&PasswordHash>) -> Result<Verdict, HashError> {
        let password = password.expose().as_bytes();
        match stored.map(|stored| self.read(stored)) {
            Some(Ok(Stored::Own(phc, pepper))) => {
                let is_outdated =
                    phc.parameters != self.parameters || pepper.id() != self.peppers.current().id();
                Ok(verdict(self.matches(password, &phc, pepper)?, is_outdated))
            }
            Some(Ok(Stored::Wrapped(scheme, phc, pepper))) => {
                let inner = scheme.compute(password, &self.pool);
                Ok(verdict(self.matches(&inner, &phc, pepper)?, true))
            }
            Some(Ok(Stored::Foreign(ForeignHash { scheme, digest }))) => {
                let computed = scheme.compute(password, &self.pool);
                Ok(verdict(verify_slices_are_equal(&computed, &digest).is_ok(), true))
            }
            Some(Ok(Stored::Nothing)) | None => self.in_vain(password).map(|()| Verdict::Mismatch),
            Some(Err(failed)) => self.in_vain(password).and(Err(failed)),
        }
    }

    /// The work that a hash of ours would be.
    fn in_vain(&self, password: &[u8]) -> Result<(), HashError> {
        self.matches(password, &self.nobody, self.peppers.current()).map(drop)
    }

    fn matches(&self, input: &[u8], phc: &Phc, pepper: &Pepper) -> Result<bool, HashError> {
        let tag = self.argon2id(input, &phc.salt, pepper, phc.parameters)?;
        Ok(verify_slices_are_equal(&*tag, &phc.tag).is_ok())
    }

    fn read(&self, stored: &PasswordHash) -> Result<Stored<'_>, HashError> {
        Stored::read(stored, &self.peppers)
    }

    fn argon2id(
        &self,
        input: &[u8],
        salt: &[u8],
        pepper: &Pepper,
        parameters: Parameters,
    ) -> Result<Zeroizing<[u8; TAG_OCTETS]>, HashError> {
        let Parameters { memory_kib, iterations } = parameters;
        let mut tag = Zeroizing::new([0; TAG_OCTETS]);
        let mut memory = self.pool.lease(parameters.blocks());
        Params::new(memory_kib, iterations, 1, Some(TAG_OCTETS))
            .and_then(|params| {
                Argon2::new_with_secret(pepper.secret(), Algorithm::Argon2id, Version::V0x13, params)
            })
            .and_then(|argon2| {
                argon2.hash_password_into_with_memory(input, salt, tag.as_mut_slice(), memory.blocks())
            })
            .map_err(|_| HashError::Unfinished)?;
        Ok(tag)
    }
}

const fn verdict(is_right: bool, is_outdated: bool) -> Verdict {
    match (is_right, is_outdated) {
        (false, _) => Verdict::Mismatch,
        (true, false) => Verdict::Match,
        (true, true) => Verdict::MatchButOutdated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> Hasher {
        let seed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let seeds = domain::Ring::parse_credentials(&format!(r#"{{"pepper":"{seed}"}}"#))
            .expect("a secret")
            .pepper_seeds_at(domain::Timestamp::from_millis(0));
        Hasher::new(Parameters::new(7_168, 5).expect("parameters"), &seeds)
    }

    fn state() -> State {
        Arc::into_inner(hasher().state).expect("the only one")
    }

    fn password() -> Password {
        Password::presented(&domain::Secret::from("correct horse battery staple".to_owned()))
            .expect("a password")
    }

    /// Memory of the production size was used and given back: there is nothing to lease before.
    fn has_hashed(state: &State) -> bool {
        state.pool.lease(0).blocks().len() == state.parameters.blocks()
    }

    #[test]
    fn every_answer_costs_a_hash_of_the_production_parameters() {
        let known = state().hash(&password(), [1; SALT_OCTETS]).expect("a hash");
        let malformed = PasswordHash { phc: "x".to_owned(), ..known.clone() };
        let unknown_pepper = PasswordHash { pepper_id: "x".to_owned(), ..known.clone() };
        for (stored, expected) in [
            (None, Ok(Verdict::Mismatch)),
            (Some(nothing()), Ok(Verdict::Mismatch)),
            (Some(known), Ok(Verdict::Match)),
            (Some(malformed), Err(HashError::Malformed)),
            (Some(unknown_pepper), Err(HashError::UnknownPepper)),
        ] {
            let state = state();
            assert!(!has_hashed(&state));

            assert_eq!(state.verify(&password(), stored.as_ref()), expected);

            assert!(has_hashed(&state), "{expected:?}");
        }
    }

    /// A flood of log-ins must not take memory for each.
    #[tokio::test]
    async fn no_more_hashes_at_a_time_than_cores() {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let hasher = hasher();
        let tasks: Vec<_> = (0..8 * cores)
            .map(|_| {
                tokio::spawn({
                    let hasher = hasher.clone();
                    async move { hasher.verify(&password(), None).await }
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.expect("no panic"), Ok(Verdict::Mismatch));
        }

        let mut leases = vec![hasher.state.pool.lease(0)];
        while leases.last_mut().is_some_and(|lease| !lease.blocks().is_empty()) {
            leases.push(hasher.state.pool.lease(0));
        }

        assert!(leases.len() - 1 <= cores, "{} for {cores} cores", leases.len() - 1);
    }

    #[test]
    fn nobody_stays_nobody_when_the_hash_is_guessed() {
        let mut state = state();
        let password = password();
        let guessed = password.expose().as_bytes();
        let tag = state.argon2id(guessed, &[0; SALT_OCTETS], state.peppers.current(), state.parameters);
        state.nobody.tag = *tag.expect("a hash");

        for stored in [None, Some(nothing())] {
            assert_eq!(state.verify(&password, stored.as_ref()), Ok(Verdict::Mismatch));
        }
    }
}
