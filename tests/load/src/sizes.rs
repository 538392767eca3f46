//! How large the zip of each function is.

use std::{fs, path::Path};

use local::Stack;
use miniz_oxide::deflate::compress_to_vec;

use crate::{Failed, table::Table};

const FLOOR: &str = "empty-function";
const BUDGET_BYTES: usize = 3_000_000;
/// What `zip` uses by default.
const LEVEL: u8 = 6;
/// Local header, central directory and its end, for one file named `bootstrap`.
const CONTAINER: usize = 30 + 9 + 46 + 9 + 22;

pub(crate) fn run(folder: &Path) -> Result<(), Failed> {
    let stack = Stack::memory().start()?;
    let functions = stack.template().functions.keys().map(String::as_str);
    // Those that are built: all of them take their time.
    let functions = functions.filter(|name| folder.join(name).exists());
    let mut table = Table::new(["function", "binary", "zip", "budget 3 MB"]);
    for name in std::iter::once(FLOOR).chain(functions) {
        let binary = fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
        let zip = compress_to_vec(&binary, LEVEL).len() + CONTAINER;
        let kept = if zip <= BUDGET_BYTES { "kept" } else { "missed" };
        table.row([name.to_owned(), megabytes(binary.len())?, megabytes(zip)?, kept.to_owned()]);
    }
    table.print("Size of each function, deflated as in a zip");
    Ok(())
}

fn megabytes(bytes: usize) -> Result<String, Failed> {
    Ok(format!("{:.2} MB", f64::from(u32::try_from(bytes)?) / 1e6))
}
