//! What is in the data folder after the process is gone.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use local::{
    Request, Setup, Stack,
    calls::{Call, Fate, Refusal},
};

use crate::small::{FUNCTIONS, TEMPLATE};

/// A folder that is gone with the test.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::SeqCst);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn small_in(scratch: &Scratch) -> Setup {
    Stack::folder(scratch.data()).with_template(TEMPLATE).with_functions(FUNCTIONS)
}

fn refusal(setup: Setup) -> String {
    setup.start().err().expect("refused").to_string()
}

#[tokio::test]
async fn the_next_start_goes_on_where_the_last_one_was() {
    let scratch = Scratch::new();
    let unmailed = |call: &Call| {
        if call.service == "ses" { Fate::Refused(Refusal::ACCESS_DENIED) } else { Fate::Proceed }
    };
    let first = small_in(&scratch).watched_by(unmailed).start().expect("a stack");
    first.request(Request::post("/notes/n1", &())).await;
    first.settle().await.expect("the mail goes to the dead letters");
    first.request(Request::post("/notes/n2", &())).await;
    drop(first);

    let second = small_in(&scratch).start().expect("the same data");
    assert_eq!(second.events().len(), 1);
    assert_eq!(second.waiting("DeadLetters").len(), 1);
    second.settle().await.expect("settled");
    let notes: Vec<_> = second.events().into_iter().map(|event| event.detail["note"].clone()).collect();
    assert_eq!(notes, ["n1", "n2"], "n1 is not published again");
    assert_eq!(second.mail().len(), 1);
}

#[tokio::test]
async fn a_folder_has_one_user_at_a_time() {
    let scratch = Scratch::new();
    let first = small_in(&scratch).start().expect("a stack");
    assert!(refusal(small_in(&scratch)).contains("is used by another process"));
    drop(first);
    small_in(&scratch).start().expect("free again");
}

#[tokio::test]
async fn a_secret_is_the_owners_alone() {
    let scratch = Scratch::new();
    drop(small_in(&scratch).start().expect("a stack"));
    let secret = scratch.data().join("secret.json");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&secret), 0o600);
    let written = fs::read(&secret).expect("readable");
    drop(small_in(&scratch).start().expect("a stack"));
    assert_eq!(fs::read(&secret).expect("readable"), written, "made once");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o640)).expect("changed");
    assert!(refusal(small_in(&scratch)).contains("others can read the secret"));
}

#[tokio::test]
async fn tables_of_another_template_are_refused() {
    let scratch = Scratch::new();
    drop(small_in(&scratch).start().expect("a stack"));
    let other = TEMPLATE.replace("IndexName: days", "IndexName: weeks");
    assert!(refusal(small_in(&scratch).with_template(other)).contains("another version of the template"));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_refused() {
    let scratch = Scratch::new();
    fs::write(scratch.data(), "a file").expect("written");
    assert!(refusal(small_in(&scratch)).contains("cannot be used"));
}

/// The stream's thousandth record must not cost more than the first.
#[tokio::test]
async fn reading_and_writing_the_stream_go_by_an_index() {
    let scratch = Scratch::new();
    let stack = small_in(&scratch).start().expect("a stack");
    let database = rusqlite::Connection::open(scratch.data().join("gatepost.db")).expect("the file");
    let number = "CAST(sequence_number AS INTEGER)";
    let next = format!("SELECT COALESCE(MAX({number}), 0) + 1 FROM _stream_records WHERE table_name = 'a'");
    let read = format!(
        "SELECT * FROM _stream_records WHERE table_name = 'a' AND shard_id = 'b' AND {number} > 1 ORDER BY {number}"
    );
    for (query, index) in [(next, "local_stream_numbers"), (read, "local_stream_shards")] {
        let explain = |row: &rusqlite::Row<'_>| row.get::<_, String>(3);
        let plan = database.query_row(&format!("EXPLAIN QUERY PLAN {query}"), [], explain).expect("a plan");
        assert!(plan.contains(index) && plan.contains("table_name=?"), "{plan}");
    }
    drop(stack);
}
