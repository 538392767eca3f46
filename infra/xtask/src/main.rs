//! `cargo xtask new-function <verb-noun>`: see [`xtask::new_function`].

use std::{
    env,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

const NEXT: &str = "\
Next: replace the body of src/lib.rs, add the route to docs/use/api.md, and run
  REGENERATE=1 cargo test --package architecture contract
  REGENERATE=1 cargo test --package architecture routes
The other steps are in docs/contribute/adding-a-use-case.md.";

fn main() -> ExitCode {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [task, name] = arguments.as_slice() else {
        return failed("usage: cargo xtask new-function <verb-noun>");
    };
    if task != "new-function" {
        return failed(&format!("unknown task {task}"));
    }
    match xtask::new_function(root, name) {
        Ok(()) => {
            // The files are written even if the terminal does not accept the message.
            let _ = writeln!(io::stdout(), "Created functions/{name}.\n{NEXT}");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error.to_string()),
    }
}

fn failed(message: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "{message}");
    ExitCode::FAILURE
}
