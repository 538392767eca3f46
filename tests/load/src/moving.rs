//! How many users move in and out in a minute, by the command that people run, on a data folder; and whether
//! that depends on their number.

use std::{path::Path, time::Duration};

use crate::{
    Failed,
    cryptography::BareHash,
    measure::{cores, micros, per_second},
    people::People,
    process::Used,
    table::Table,
};

/// The users of the files, if no other numbers are asked for.
const SIZES: [u32; 2] = [10_000, 100_000];
/// Each costs a hash of ours.
const WEAK: u32 = 1_000;
const BUDGET: f64 = 10_000.0;
/// Any hash will do: nobody logs in.
const BCRYPT: &str = "$2b$10$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const MD5: &str = "md5$salt$5d41402abc4b2a76b9719d911017c592";

pub(crate) fn run(binaries: &Path, sizes: impl Iterator<Item = String>) -> Result<(), Failed> {
    let sizes = sizes.map(|users| users.parse()).collect::<Result<Vec<u32>, _>>()?;
    let mut table =
        Table::new(["", "users", "users a minute", "budget 10,000", "CPU of a user", "peak memory"]);
    for users in if sizes.is_empty() { SIZES.to_vec() } else { sizes } {
        let people = People::new(binaries, &std::env::temp_dir(), "moving")?;
        let path = people.file("strong", users, BCRYPT)?;
        row(&mut table, "import, hashes kept as they are", users, people.users(&["import", &path])?);
        row(&mut table, "import again, all there already", users, people.users(&["import", &path])?);
        let path = people.file("silent", users, BCRYPT)?;
        let silent = people.users(&["import", &path, "--no-events"])?;
        row(&mut table, "import without events", users, silent);
        let exported = people.folder.0.join("exported.ndjson");
        let exported = exported.to_str().ok_or("a path that is not text")?;
        row(&mut table, "export", 2 * users, people.users(&["export", exported])?);
    }
    let people = People::new(binaries, &std::env::temp_dir(), "weak")?;
    let path = people.file("weak", WEAK, MD5)?;
    row(&mut table, "import, weak hashes wrapped", WEAK, people.users(&["import", &path])?);
    let bound = Used { wall: Duration::from_secs(1), ..Used::default() };
    row(&mut table, "bound of the row above: bare hashes on all cores", hashes()?, bound);
    table.print("`gatepost users` with the embedded database");
    Ok(())
}

fn row(table: &mut Table, what: &str, users: u32, used: Used) {
    let rate = f64::from(users) / used.wall.as_secs_f64() * 60.0;
    let kept = match rate {
        // Each of the weak ones is a hash: that is their budget.
        _ if users <= WEAK => "–",
        rate if rate >= BUDGET => "kept",
        _ => "missed",
    };
    let (rate, peak) = (format!("{rate:.0}"), format!("{} MiB", used.peak_kib / 1_024));
    table.row([what.to_owned(), users.to_string(), rate, kept.to_owned(), micros(used.cpu / users), peak]);
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
