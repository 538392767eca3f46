//! Files of users for `gatepost users import`, and a deployment that has them.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::Command,
};

use local::Stack;

use crate::{
    Failed,
    folder::Folder,
    process::{self, Used},
};

/// A bcrypt hash of [`stage::PASSWORD`].
const HASH: &str = "$2b$10$Q.9aGZFGr8.MzyRN6C0oTuF.XD1/wsNQpazHgpynyQ7Q/6jYclZ1e";
pub(crate) const ADMINISTRATOR: &str = "root@example.net";

/// `gatepost users` on a data folder of its own.
pub(crate) struct People {
    pub(crate) gatepost: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) folder: Folder,
}

impl People {
    pub(crate) fn new(binaries: &Path, within: &Path, name: &str) -> Result<Self, Failed> {
        let gatepost = std::fs::canonicalize(binaries.join("gatepost"))?;
        let folder = Folder::within(within, name);
        let data = folder.0.join("data");
        drop(Stack::folder(&data).start()?);
        Ok(Self { gatepost, data, folder })
    }

    /// Runs `gatepost users` with these arguments to its end.
    pub(crate) fn users(&self, arguments: &[&str]) -> Result<Used, Failed> {
        let mut command = Command::new(&self.gatepost);
        command.arg("users").args(arguments).arg("--data").arg(&self.data);
        process::run(command)
    }

    /// Writes a file of users with the same hash. One in ten is suspended, one in forty has a role.
    pub(crate) fn file(&self, name: &str, count: u32, hash: &str) -> Result<String, Failed> {
        let path = self.folder.0.join(format!("{name}.ndjson"));
        let mut file = BufWriter::new(File::create(&path)?);
        for number in 0..count {
            let status = if number.is_multiple_of(10) { "suspended" } else { "active" };
            let roles = if number.is_multiple_of(40) { r#"["one-of-forty"]"# } else { "[]" };
            let at = 1_790_000_000_000_i64 + i64::from(number) * 1_000;
            writeln!(
                file,
                r#"{{"email":"{name}{number:07}@example.com","email_verified":true,"first_name":"Ada","status":"{status}","roles":{roles},"created_at":{at},"password_hash":"{hash}"}}"#
            )?;
        }
        file.flush()?;
        Ok(path.to_str().ok_or("a path that is not text")?.to_owned())
    }

    /// Imports an administrator with [`stage::PASSWORD`].
    pub(crate) fn administrator(&self) -> Result<(), Failed> {
        let path = self.folder.0.join("administrator.ndjson");
        let line = format!(r#"{{"email":"{ADMINISTRATOR}","email_verified":true,"password_hash":"{HASH}"}}"#);
        std::fs::write(&path, line)?;
        self.users(&["import", path.to_str().ok_or("a path that is not text")?])?;
        self.users(&["grant-admin", ADMINISTRATOR]).map(drop)
    }
}
