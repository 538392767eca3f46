//! The parts of a file that drawing it needs.

use crate::limits::Unacceptable;

/// A file without the parts that only cost time and memory. It has been checked against the limits.
pub(crate) struct Source {
    /// The file for the decoder.
    pub(crate) file: Vec<u8>,
    /// An EXIF block, which says which way is up.
    pub(crate) exif: Option<Vec<u8>>,
    /// An ICC profile.
    pub(crate) profile: Option<Vec<u8>>,
}

/// Reads a file from its beginning, and never past its end.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    /// Returns the next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Unacceptable> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Unacceptable)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], Unacceptable> {
        self.take(COUNT)?.try_into().map_err(|_| Unacceptable)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Unacceptable> {
        self.array().map(|[byte]| byte)
    }
}
