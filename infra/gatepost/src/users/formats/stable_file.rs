//! A file that is read several times, and must have the same bytes each time.

use std::{
    fs::File,
    io::{self, BufRead, Read, Seek},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};

use crate::error::CliError;

const BLOCK: usize = 64 * 1024;

/// The first half of a SHA-256 hash, which is sufficient to recognize bytes.
pub(crate) type Digest = [u8; 16];

pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    let (mut half, whole) = (Digest::default(), digest(&SHA256, bytes));
    half.copy_from_slice(&whole.as_ref()[..16]);
    half
}

/// A file, and the digests of all blocks that were read.
pub(super) struct StableFile {
    path: PathBuf,
    file: File,
    digests: Vec<Digest>,
    /// Whether the digest of the last block is known.
    is_whole: bool,
}

/// A pass over the file. It returns no byte of a block that has changed since an earlier pass.
pub(super) struct Reading<'file> {
    of: &'file mut StableFile,
    block: Vec<u8>,
    consumed: usize,
    blocks: usize,
}

impl StableFile {
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        let failed = |error| CliError::File(path.to_owned(), error);
        let file = File::open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(CliError::NoRegularFile(path.to_owned()));
        }
        Ok(Self { path: path.to_owned(), file, digests: Vec::new(), is_whole: false })
    }

    /// Reads the file from its beginning.
    pub(super) fn read(&mut self) -> Result<Reading<'_>, CliError> {
        self.file.rewind().map_err(|error| self.failed(error))?;
        Ok(Reading { of: self, block: Vec::new(), consumed: 0, blocks: 0 })
    }

    pub(super) fn failed(&self, error: io::Error) -> CliError {
        CliError::File(self.path.clone(), error)
    }
}

impl Reading<'_> {
    fn load(&mut self) -> io::Result<()> {
        self.block.clear();
        self.consumed = 0;
        self.of.file.by_ref().take(BLOCK as u64).read_to_end(&mut self.block)?;
        let known = self.of.digests.get(self.blocks);
        let is_same = if self.block.is_empty() {
            known.is_none()
        } else {
            let digest = digest_of(&self.block);
            match known {
                Some(known) => *known == digest,
                None if self.of.is_whole => false,
                None => {
                    self.of.digests.push(digest);
                    true
                }
            }
        };
        if !is_same {
            return Err(io::Error::other("the file has changed since the command started"));
        }
        self.blocks += usize::from(!self.block.is_empty());
        self.of.is_whole |= self.block.is_empty();
        Ok(())
    }
}

impl BufRead for Reading<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.consumed == self.block.len() {
            self.load()?;
        }
        Ok(&self.block[self.consumed..])
    }

    fn consume(&mut self, amount: usize) {
        self.consumed += amount;
    }
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(file: &mut StableFile) -> (usize, Option<String>) {
        let (mut bytes, mut reading) = (Vec::new(), file.read().expect("a file"));
        let failed = reading.read_to_end(&mut bytes).err();
        (bytes.len(), failed.map(|error| error.to_string()))
    }

    #[test]
    fn a_changed_block_is_never_returned() {
        let path = std::env::temp_dir().join(format!("gatepost-stable-file-{}", std::process::id()));
        let original = vec![b'a'; 2 * BLOCK + 10];
        let changed = Some("the file has changed since the command started".to_owned());
        fs::write(&path, &original).expect("written");
        let mut file = StableFile::open(&path).expect("a file");
        assert_eq!(read(&mut file), (original.len(), None));
        assert_eq!(read(&mut file), (original.len(), None));

        for (bytes, intact) in [
            ([&original[..], b"a"].concat(), 2 * BLOCK),
            ([&original[..BLOCK], b"b", &original[BLOCK + 1..]].concat(), BLOCK),
            (original[..2 * BLOCK].to_vec(), 2 * BLOCK),
            (Vec::new(), 0),
        ] {
            fs::write(&path, bytes).expect("written");
            assert_eq!(read(&mut file), (intact, changed.clone()));
        }
        let _ = fs::remove_file(&path);
    }
}
