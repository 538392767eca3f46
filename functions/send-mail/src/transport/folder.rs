//! A folder: each mail is a file, which mail programs open.

use std::{fs, path::PathBuf};

use cloud::{Cloud, SettingError};
use gatepost_consumer::Unhandled;

use super::{NotSent, message::Writer, smtp};
use crate::templates::Mail;

/// Puts mails into a folder.
pub(crate) struct Folder {
    path: PathBuf,
    writer: Writer,
}

impl Folder {
    /// The one that the setting `MAIL_FOLDER` names.
    pub(super) fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        Ok(Self { path: cloud.settings().text("MAIL_FOLDER")?.into(), writer: smtp::writer(cloud)? })
    }

    pub(super) fn send(&self, to: &str, mail: &Mail) -> Result<(), Unhandled> {
        let message = self.writer.write(to, mail).map_err(Unhandled::poison)?;
        // In the order of sending, however many at once.
        let name = format!("{}-{}.eml", self.writer.clock.now().millis(), self.writer.random.uuid());
        let unfinished = self.path.join(format!(".{name}"));
        let written = fs::create_dir_all(&self.path)
            .and_then(|()| fs::write(&unfinished, message.formatted()))
            .and_then(|()| fs::rename(&unfinished, self.path.join(&name)));
        written.map_err(|error| {
            Unhandled::retry(NotSent { by: "the folder", code: error.kind().to_string().into() })
        })
    }
}
