//! `gatepost users import` needs the same memory for files of any length.
#![cfg(target_os = "linux")]

use std::{
    fmt::Write as _,
    fs,
    process::{Command, Stdio},
};

use crate::moved::Folder;

const USERS: usize = 100_000;
/// The heap that the command may use. The users below take several times as much.
const HEAP_KIB: &str = "98304";
const HASH: &str = "$2b$10$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Returns a line of Gatepost's own format.
fn own(number: usize) -> String {
    format!(
        "{{\"email\": \"user{number}@example.com\", \"email_verified\": true, \"first_name\": \"Ada\", \
         \"last_name\": \"Lovelace\", \"password_hash\": \"{HASH}\", \"created_at\": \"2021-03-05T16:35:16.775Z\"}}"
    )
}

/// Returns a user of a Keycloak realm.
fn keycloak(number: usize) -> String {
    format!(
        "{{\"id\": \"{number}\", \"email\": \"user{number}@example.com\", \"enabled\": true, \"emailVerified\": true, \
         \"firstName\": \"Ada\", \"lastName\": \"Lovelace\", \"createdTimestamp\": 1614962116775}}"
    )
}

/// Returns a row of Supabase's table.
fn supabase(number: usize) -> String {
    format!(
        "{number},user{number}@example.com,{HASH},2021-03-05 16:35:16+00,\"{{\"\"name\"\": \"\"Ada Lovelace\"\"}}\""
    )
}

fn text(head: &str, user: impl Fn(usize) -> String, separator: &str, end: &str) -> String {
    let mut text = head.to_owned() + &user(0);
    for number in 1..USERS {
        let _ = write!(text, "{separator}{}", user(number));
    }
    text + end
}

#[test]
fn a_hundred_thousand_users_are_checked_in_bounded_memory() {
    let folder = Folder::new();
    let table = "id,email,encrypted_password,email_confirmed_at,raw_user_meta_data\n";
    for (format, name, text) in [
        ("gatepost", "users.ndjson", text("", own, "\n", "\n")),
        ("supabase", "users.csv", text(table, supabase, "\n", "\n")),
        ("keycloak", "realm.json", text("{\"realm\": \"master\", \"users\": [", keycloak, ", ", "]}")),
    ] {
        folder.file(name, &text);

        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -d \"$0\" && exec \"$@\"", HEAP_KIB, env!("CARGO_BIN_EXE_gatepost")]);
        command.args(["users", "import", name, "--data", "data", "--dry-run"]);
        // Each thread counts with its stack.
        command.current_dir(folder.0.path()).env("TOKIO_WORKER_THREADS", "2").stdin(Stdio::null());
        let output = command.output().expect("it runs");

        let (text, complaint) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(text, format!("would import {USERS} users of {format}, leave out 0\n"), "{complaint}");
        fs::remove_file(folder.0.path().join(name)).expect("removed");
    }
}
