//! The memory that hashes fill: kept between calls, since fresh pages cost a fifth of a hash, and
//! wiped after each, since the first blocks are one cheap hash away from the password. Wiping
//! costs about three hundredths of a hash.

use std::sync::{Mutex, MutexGuard, PoisonError};

use argon2::Block;
use zeroize::Zeroize;

/// Memory that nobody uses just now; all of it zero.
pub(crate) struct Pool {
    idle: Mutex<Vec<Vec<Block>>>,
    /// What the production parameters need; more is not kept.
    usual: usize,
}

/// Memory for one hash; wiped and returned when dropped, also by a panic.
pub(crate) struct Lease<'pool> {
    pool: &'pool Pool,
    blocks: Vec<Block>,
}

impl Pool {
    pub(crate) const fn new(usual: usize) -> Self {
        Self { idle: Mutex::new(Vec::new()), usual }
    }

    pub(crate) fn lease(&self, count: usize) -> Lease<'_> {
        let mut blocks = self.idle().pop().unwrap_or_default();
        blocks.resize(count.max(blocks.len()), Block::new());
        Lease { pool: self, blocks }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        // Whoever panicked held no memory that is in there.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease<'_> {
    pub(crate) fn blocks(&mut self) -> &mut [Block] {
        &mut self.blocks
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.blocks.iter_mut().for_each(Zeroize::zeroize);
        if self.blocks.len() <= self.pool.usual {
            self.pool.idle().push(std::mem::take(&mut self.blocks));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dirty(lease: &mut Lease<'_>) {
        lease.blocks().iter_mut().for_each(|block| block.as_mut().fill(7));
    }

    #[test]
    fn memory_is_kept_and_wiped() {
        let pool = Pool::new(16);
        let mut lease = pool.lease(16);
        let address = lease.blocks().as_ptr();
        dirty(&mut lease);

        drop(lease);

        let mut next = pool.lease(16);
        assert_eq!(next.blocks().as_ptr(), address);
        assert!(next.blocks().iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    }

    #[test]
    fn memory_comes_back_after_a_panic() {
        let pool = Pool::new(16);

        let outcome = std::panic::catch_unwind(|| {
            dirty(&mut pool.lease(16));
            let mut lease = pool.lease(16);
            dirty(&mut lease);
            panic!("in the middle of a hash");
        });

        assert!(outcome.is_err());
        let idle = pool.idle();
        assert_eq!(idle.len(), 1);
        assert!(idle[0].iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    }

    #[test]
    fn two_at_a_time_have_their_own_memory_and_more_than_usual_is_not_kept() {
        let pool = Pool::new(16);
        let (mut one, mut other) = (pool.lease(16), pool.lease(8));
        assert_ne!(one.blocks().as_ptr(), other.blocks().as_ptr());
        drop((one, other));
        assert_eq!(pool.idle().len(), 2);

        drop(pool.lease(17));

        assert_eq!(pool.idle().len(), 1);
    }
}
