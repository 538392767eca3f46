//! How many users move in and out in a minute, by the command that people run, on a data folder.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use local::Stack;

use crate::{
    Failed,
    cryptography::BareHash,
    folder::Folder,
    measure::{cores, per_second},
    table::Table,
};

const PEOPLE: u32 = 10_000;
/// Each costs a hash of ours.
const WEAK: u32 = 1_000;
const BUDGET: f64 = 10_000.0;
/// Any hash will do: nobody logs in.
const BCRYPT: &str = "$2b$10$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const MD5: &str = "md5$salt$5d41402abc4b2a76b9719d911017c592";

pub(crate) fn run(binaries: &Path) -> Result<(), Failed> {
    let gatepost = fs::canonicalize(binaries.join("gatepost"))?;
    let folder = Folder::within(&std::env::temp_dir(), "moving");
    let (data, file) = (folder.0.join("data"), folder.0.join("users.ndjson"));
    drop(Stack::folder(&data).start()?);
    let timed = |arguments: &[&str]| timed(&gatepost, &data, arguments);

    let mut table = Table::new(["", "users a minute", "budget 10,000"]);
    let mut row = |what: &str, users: u32, time: Duration| {
        let rate = f64::from(users) / time.as_secs_f64() * 60.0;
        // Each of the weak ones is a hash: that is their budget.
        let kept = match rate {
            _ if users <= WEAK => "–",
            rate if rate >= BUDGET => "kept",
            _ => "missed",
        };
        table.row([what.to_owned(), format!("{rate:.0}"), kept.to_owned()]);
    };
    let path = file.to_str().ok_or("a path that is no text")?;
    fs::write(&file, people("strong", PEOPLE, BCRYPT)?)?;
    row("import, hashes kept as they are", PEOPLE, timed(&["import", path])?);
    row("import again, all there already", PEOPLE, timed(&["import", path])?);
    fs::write(&file, people("silent", PEOPLE, BCRYPT)?)?;
    row("import without events", PEOPLE, timed(&["import", path, "--no-events"])?);
    fs::write(&file, people("weak", WEAK, MD5)?)?;
    row("import, weak hashes wrapped", WEAK, timed(&["import", path])?);
    row("bound of the row above: bare hashes on all cores", hashes()?, Duration::from_secs(1));
    let exported = folder.0.join("exported.ndjson");
    let exported = exported.to_str().ok_or("a path that is no text")?;
    row("export", 2 * PEOPLE + WEAK, timed(&["export", exported])?);
    table.print(&format!(
        "`gatepost users` with the embedded database: {PEOPLE} users, {WEAK} with weak hashes"
    ));
    Ok(())
}

fn people(what: &str, count: u32, hash: &str) -> Result<String, Failed> {
    let mut lines = String::new();
    for number in 0..count {
        writeln!(
            lines,
            r#"{{"email":"{what}{number}@example.com","email_verified":true,"first_name":"Ada","password_hash":"{hash}"}}"#
        )?;
    }
    Ok(lines)
}

/// How long it takes, start of the process included.
fn timed(gatepost: &Path, data: &Path, arguments: &[&str]) -> Result<Duration, Failed> {
    let begin = Instant::now();
    let mut command = Command::new(gatepost);
    command.arg("users").args(arguments).arg("--data").arg(data).stdout(Stdio::null());
    let status = command.status()?;
    if status.success() { Ok(begin.elapsed()) } else { Err(format!("{arguments:?}: {status}").into()) }
}

/// Bare hashes of all cores in a second.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundreds")]
fn hashes() -> Result<u32, Failed> {
    let each = 40;
    let rate = per_second(cores(), each, |_| {
        let mut bare = BareHash::new()?;
        (0..each).try_for_each(|_| bare.hash())
    })?;
    Ok(rate as u32)
}
