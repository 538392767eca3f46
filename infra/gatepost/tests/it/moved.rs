//! A data folder, the command `gatepost users` on it, and the system that runs afterwards.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use local::Stack;
use serde_json::{Value, json};
use stage::{Answer, Stage};

use crate::{
    operated::{Said, now},
    process::Scratch,
};

/// The folder of an unused system.
pub(crate) struct Folder(pub(crate) Scratch);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = Self(Scratch::new());
        drop(folder.system());
        folder
    }

    /// Starts the system. The folder is unlocked when it is dropped.
    pub(crate) fn system(&self) -> Stage {
        let setup = Stack::folder(self.0.data()).with_parameter("LogInAttemptsPerIp", "100000");
        Stage::at(setup, now())
    }

    /// Writes a file beside the data.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("written");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).expect("a file")
    }

    /// Creates the command `gatepost users` with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.current_dir(self.0.path()).arg("users").args(arguments).args(["--data", "data"]);
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn users(&self, arguments: &[&str]) -> Said {
        said(&self.command(arguments).output().expect("it runs"))
    }

    /// Lists the events that wait.
    pub(crate) fn waiting(&self) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.current_dir(self.0.path()).args(["outbox", "list", "--data", "data"]);
        said(&command.output().expect("it runs"))
    }

    /// Runs `gatepost clients` with these arguments.
    pub(crate) fn clients(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.current_dir(self.0.path()).arg("clients").args(arguments).args(["--data", "data"]);
        said(&command.stdin(Stdio::null()).output().expect("it runs"))
    }

    /// Imports a file with this text.
    pub(crate) fn import(&self, name: &str, text: &str, options: &[&str]) -> Said {
        self.file(name, text);
        self.users(&[&["import", name], options].concat())
    }

    /// Runs `gatepost outbox verify`.
    pub(crate) fn verified(&self) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.current_dir(self.0.path()).args(["outbox", "verify", "--data", "data"]);
        said(&command.output().expect("it runs"))
    }
}

fn said(output: &Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    Said { code: output.status.code(), text: text(&output.stdout), complaint: text(&output.stderr) }
}

/// Logs in with a given password.
pub(crate) async fn log_in(stage: &Stage, email: &str, password: &str) -> Answer {
    stage.post("/v1/sessions", json!({"email": email, "password": password})).await
}

/// Returns an attribute of an item of Identities; empty if it does not exist.
pub(crate) async fn attribute(stage: &Stage, pk: &str, sk: &str, name: &str) -> String {
    let client = Client::new(stage.stack.cloud("register").expect("its cloud").sdk());
    let key = |value: &str| AttributeValue::S(value.to_owned());
    let get = client.get_item().table_name("Identities").key("pk", key(pk)).key("sk", key(sk));
    let item = get.send().await.expect("an answer").item.unwrap_or_default();
    match item.get(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => text.clone(),
        _ => String::new(),
    }
}

/// Returns the stored password hash of an address.
pub(crate) async fn stored_hash(stage: &Stage, email: &str) -> String {
    attribute(stage, &format!("EMAIL#{email}"), "CREDENTIAL", "password_hash").await
}

/// Returns hashes of other libraries: the library, the password, the hash.
pub(crate) fn vectors() -> Vec<Value> {
    let text = include_str!("../../../../tests/foreign-hashes/vectors.ndjson");
    text.lines().map(|line| serde_json::from_str(line).expect("a vector")).collect()
}

/// Returns the hash of [`THEIR_PASSWORD`] by a library.
pub(crate) fn hash_by(by: &str) -> String {
    let vectors = vectors();
    let vector = vectors.iter().find(|vector| vector["by"] == by && vector["password"] == THEIR_PASSWORD);
    vector.unwrap_or_else(|| panic!("no hash by {by}"))["hash"].as_str().expect("a hash").to_owned()
}

/// The first password of the vectors.
pub(crate) const THEIR_PASSWORD: &str = "correct horse battery staple";
