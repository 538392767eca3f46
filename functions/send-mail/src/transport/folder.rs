//! The transport into a folder: each mail is a file that mail programs can open.

use std::{fs, path::PathBuf};

use cloud::{Cloud, SettingError};
use gatepost_consumer::Unhandled;

use super::{SendError, message::Writer, smtp};
use crate::templates::Mail;

/// Writes mails to a folder.
pub(crate) struct Folder {
    path: PathBuf,
    writer: Writer,
}

impl Folder {
    /// Creates the transport with the folder in the setting `MAIL_FOLDER`.
    pub(super) fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        Ok(Self { path: cloud.settings().text("MAIL_FOLDER")?.into(), writer: smtp::writer(cloud)? })
    }

    pub(super) fn send(&self, to: &str, mail: &Mail) -> Result<(), Unhandled> {
        let message = self.writer.write(to, mail).map_err(Unhandled::poison)?;
        // Files sort by time, and their names are unique.
        let name = format!("{}-{}.eml", self.writer.clock.now().millis(), self.writer.random.uuid());
        let unfinished = self.path.join(format!(".{name}"));
        let written = fs::create_dir_all(&self.path)
            .and_then(|()| fs::write(&unfinished, message.formatted()))
            .and_then(|()| fs::rename(&unfinished, self.path.join(&name)));
        written.map_err(|error| {
            Unhandled::retry(SendError { by: "the folder", code: error.kind().to_string().into() })
        })
    }
}
