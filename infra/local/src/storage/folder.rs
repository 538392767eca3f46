//! The data folder: whose it is, and who may read it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use domain::Ring;

use crate::start_error::StartError;

/// A data folder that this process alone uses, until it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    lock: File,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, StartError> {
        let unusable = |error: std::io::Error| StartError::Folder(path.to_owned(), error.to_string());
        create(path).map_err(unusable)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join("lock"));
        let lock = lock.map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), lock }),
            Err(TryLockError::WouldBlock) => Err(StartError::FolderInUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("gatepost.db")
    }
}

/// Unlocked, not just closed: a process that is being started has our files open for a moment.
impl Drop for Folder {
    fn drop(&mut self) {
        // The lock ends with the process at the latest.
        let _ = self.lock.unlock();
    }
}

/// Only the owner may look: there are password hashes in it.
fn create(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Returns the secret in the file. If there is no file, makes one.
pub(crate) fn read_or_make_secret(path: &Path, make: impl FnOnce() -> String) -> Result<String, StartError> {
    if let Some(secret) = read_secret(path)? {
        return Ok(secret);
    }
    let secret = make();
    write_secret(path, &secret).map_err(|error| StartError::Folder(path.to_owned(), error.to_string()))?;
    Ok(secret)
}

fn read_secret(path: &Path) -> Result<Option<String>, StartError> {
    let unusable = |error: std::io::Error| StartError::Folder(path.to_owned(), error.to_string());
    match File::open(path) {
        Ok(mut file) => {
            if others_may_read(&file).map_err(unusable)? {
                return Err(StartError::SecretReadable(path.to_owned()));
            }
            let mut secret = String::new();
            file.read_to_string(&mut secret).map_err(unusable)?;
            Ok(Some(secret))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(error)),
    }
}

/// Moves the peppers of a folder from a version without a credentials secret. No other process uses the folder
/// meanwhile. Each write is whole or not at all, so an interrupted move goes on at the next start.
pub(crate) fn separate_secrets(keys: &Path, credentials: &Path) -> Result<(), StartError> {
    let unusable =
        |path: &Path, error: std::io::Error| StartError::Folder(path.to_owned(), error.to_string());
    // A malformed secret is reported by the functions that need it.
    let Some(ring) = read_secret(keys)?.and_then(|text| Ring::parse_keys(&text).ok()) else { return Ok(()) };
    let Some(peppers) = ring.only_peppers() else { return Ok(()) };
    let text = read_or_make_secret(credentials, || peppers.to_secret().to_string())?;
    let Ok(moved) = Ring::parse_credentials(&text) else { return Ok(()) };
    match ring.without_peppers(&moved) {
        Some(stripped) => write_secret(keys, &stripped.to_secret()).map_err(|error| unusable(keys, error)),
        None => Ok(()),
    }
}

/// Whole or not at all, whenever the process is killed: nothing can be derived from half a secret.
pub(crate) fn write_secret(path: &Path, secret: &str) -> std::io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(secret.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(unix)]
fn others_may_read(file: &File) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_may_read(_: &File) -> std::io::Result<bool> {
    Ok(false)
}
