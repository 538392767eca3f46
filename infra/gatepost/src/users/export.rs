//! `gatepost users export`: all users with their password hashes, one JSON object a line.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use domain::User;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use store::{Identities, NextPage};

use super::formats::written;
use crate::{
    cli::ExitCode,
    error::CliError,
    report::{Progress, Report},
    system::System,
};

/// Users that are read concurrently.
const AT_ONCE: usize = 16;

#[derive(Args)]
pub(super) struct Export {
    /// A new file, or - for standard output
    file: PathBuf,
    /// Resume an interrupted export into this file
    #[arg(long)]
    resume: bool,
}

impl Export {
    pub(super) async fn run(self, system: &System, report: &Report) -> Result<ExitCode, CliError> {
        let identities = Identities::new(&system.cloud("read-profile")?.patient())?;
        if self.file == Path::new("-") {
            all(&identities, &mut Pipe, None).await?;
            return Ok(ExitCode::Done);
        }
        let (mut target, start) =
            if self.resume { Target::resume(self.file)? } else { (Target::create(self.file)?, None) };
        let exported = all(&identities, &mut target, start).await?;
        target.finish()?;
        report
            .line(&format!("exported {exported} users: the file holds password hashes, keep it as a secret"));
        report.document(json!({"exported": exported}));
        Ok(ExitCode::Done)
    }
}

/// Writes users page by page from `start`. Each user is read together with the credential of the same time.
async fn all(
    identities: &Identities,
    output: &mut impl Output,
    mut start: Option<NextPage>,
) -> Result<usize, CliError> {
    let (progress, mut exported) = (Progress::of("users"), 0);
    loop {
        let page = identities.users(start).await?;
        let users: Vec<User> =
            page.items.into_iter().collect::<Result<_, _>>().map_err(CliError::Unreadable)?;
        let accounts = stream::iter(users.into_iter().map(|user| identities.account(user))).buffered(AT_ONCE);
        let accounts: Vec<_> = accounts.try_collect().await?;
        let mut lines = String::new();
        // Users who were erased in the meantime are left out.
        for (user, credential) in accounts.into_iter().flatten() {
            lines += &written(&user, credential.as_ref()).to_string();
            lines.push('\n');
            exported += 1;
            progress.add(1);
        }
        output.write(&lines, page.next.as_ref())?;
        start = page.next;
        if start.is_none() {
            return Ok(exported);
        }
    }
}

/// The destination of the lines.
trait Output {
    /// Writes the lines of a page, and remembers the next page.
    fn write(&mut self, lines: &str, next: Option<&NextPage>) -> Result<(), CliError>;
}

/// Standard output, for the path `-`.
struct Pipe;

impl Output for Pipe {
    fn write(&mut self, lines: &str, _: Option<&NextPage>) -> Result<(), CliError> {
        let mut output = io::stdout().lock();
        Ok(output.write_all(lines.as_bytes()).and_then(|()| output.flush())?)
    }
}

/// A file that only its owner may read. While it is incomplete, a second file has the position of the export.
struct Target {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Target {
    fn create(path: PathBuf) -> Result<Self, CliError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(file) => Ok(Self { path, file, length: 0 }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(CliError::ExportExists(path)),
            Err(error) => Err(CliError::File(path, error)),
        }
    }

    /// Opens the file at the end of the last complete page. Returns the next page.
    fn resume(path: PathBuf) -> Result<(Self, Option<NextPage>), CliError> {
        let unusable = || CliError::NotResumable(path.clone());
        let mark = fs::read_to_string(mark(&path)).map_err(|_| unusable())?;
        let mark: Value = serde_json::from_str(&mark).map_err(|_| unusable())?;
        let place = |at: usize| mark["place"][at].as_str().map(str::to_owned).ok_or_else(unusable);
        let length = mark["length"].as_u64().ok_or_else(unusable)?;
        let next = NextPage::behind([place(0)?, place(1)?]);
        let file = OpenOptions::new().write(true).open(&path);
        let mut file = file.map_err(|error| CliError::File(path.clone(), error))?;
        if file.metadata()?.len() < length {
            return Err(unusable());
        }
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        Ok((Self { path, file, length }, Some(next)))
    }

    fn finish(self) -> Result<(), CliError> {
        match fs::remove_file(mark(&self.path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(CliError::File(self.path, error)),
            _ => Ok(()),
        }
    }
}

impl Output for Target {
    fn write(&mut self, lines: &str, next: Option<&NextPage>) -> Result<(), CliError> {
        self.file.write_all(lines.as_bytes())?;
        // The position must not be ahead of the file.
        self.file.sync_data()?;
        self.length += lines.len() as u64;
        if let Some(place) = next.and_then(NextPage::place) {
            let unfinished = self.path.with_added_extension("mark");
            fs::write(&unfinished, json!({"length": self.length, "place": place}).to_string())?;
            fs::rename(&unfinished, mark(&self.path))?;
        }
        Ok(())
    }
}

fn mark(path: &Path) -> PathBuf {
    path.with_added_extension("resume")
}
