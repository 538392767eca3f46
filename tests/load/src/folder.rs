//! Where data is put while it is measured.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A folder that is gone afterwards.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    /// One that no other run has.
    pub(crate) fn within(folder: &Path, name: &str) -> Self {
        Self(folder.join(format!("load-{name}-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
