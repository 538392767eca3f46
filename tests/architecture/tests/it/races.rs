//! Two commands on one user: the second one runs completely between any two calls of the first one, which
//! therefore reads every mix of the states before and after it. Both succeed, are refused for a business
//! reason, or can be retried: neither returns 500.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use futures_util::{StreamExt, stream};
use local::{
    Request, Stack,
    calls::{Call, Fate},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRng, TestRunner},
};
use serde_json::json;
use stage::{ADA, BOB, PASSWORD, Stage, Tokens, id};
use tokio::sync::Notify;

const NEW_EMAIL: &str = "robert@example.org";
const NEW_PASSWORD: &str = "another horse, another battery";
/// No further call is held back.
const NONE: usize = usize::MAX;
/// The number of commands that change a credential. They come first in the list.
const PROVING: usize = 5;
/// The highest number of calls of a command before its response.
const CALLS: usize = 9;

/// A command and its function.
struct Command {
    function: &'static str,
    request: Request,
}

/// A user with two sessions, a reset link and a link for another address, and an administrator. The scene is
/// created once and copied for each case.
struct Scene {
    folder: PathBuf,
    user: String,
    admin: Tokens,
    here: Tokens,
    there: Tokens,
    reset_link: String,
    email_link: String,
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("gatepost-races-{name}-{}", std::process::id()))
}

impl Scene {
    async fn new(name: &str) -> Self {
        let folder = folder(name);
        let _ = fs::remove_dir_all(&folder);
        let stage = Stage::of(Stack::folder(&folder));
        let admin = stage.administrator(ADA).await;
        let bob = stage.registered(BOB).await;
        stage.put_role(&admin.access, "editor", &["orders:read"]).await.expect(200);
        let here = Tokens::of(&stage.log_in(BOB).await.expect(201).body);
        let there = Tokens::of(&stage.log_in(BOB).await.expect(201).body);
        let reset_link = stage.reset_link(BOB).await;
        let email_link = stage.email_link(&here.access, NEW_EMAIL).await;
        stage.settle().await;
        Self { folder, user: id(&bob).to_owned(), admin, here, there, reset_link, email_link }
    }

    fn commands(&self) -> Vec<Command> {
        let home = |function, method: &str, path: &str, body| Command {
            function,
            request: Request::new(method, path).json(&body).bearer(&self.here.access),
        };
        let empty = |function, path: &str| Command {
            function,
            request: Request::delete(path).bearer(&self.here.access),
        };
        let passwords = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
        let reset = json!({"token": self.reset_link, "new_password": NEW_PASSWORD});
        let log_in = json!({"email": BOB, "password": PASSWORD});
        let mut commands = vec![
            home("verify-email-change", "POST", "/v1/me/email/verify", json!({"token": self.email_link})),
            home("reset-password", "POST", "/v1/password-resets/confirm", reset),
            home("change-password", "PUT", "/v1/me/password", passwords),
            home(
                "change-email",
                "POST",
                "/v1/me/email",
                json!({"new_email": NEW_EMAIL, "password": PASSWORD}),
            ),
            home("delete-account", "DELETE", "/v1/me", json!({"password": PASSWORD})),
            home("log-in", "POST", "/v1/sessions", log_in),
            home("update-profile", "PATCH", "/v1/me", json!({"first_name": "Robert"})),
            home(
                "refresh-session",
                "POST",
                "/v1/sessions/refresh",
                json!({"refresh_token": self.here.refresh}),
            ),
            empty("end-other-sessions", "/v1/me/sessions"),
            empty("end-session", &format!("/v1/me/sessions/{}", self.there.session_id)),
            empty("log-out", "/v1/sessions/current"),
        ];
        commands.extend(self.by_administrator());
        commands
    }

    fn by_administrator(&self) -> Vec<Command> {
        let of_user = |function, method: &str, what: &str| {
            let path = format!("/v1/users/{}{what}", self.user);
            let body = match method {
                "PATCH" => json!({"first_name": "Rob", "reason": "ticket 4711"}),
                _ => json!({"reason": "ticket 4711"}),
            };
            Command { function, request: Request::new(method, &path).json(&body).bearer(&self.admin.access) }
        };
        let role = json!({"permissions": ["orders:refund"]});
        let put_role = Request::new("PUT", "/v1/roles/editor").json(&role).bearer(&self.admin.access);
        vec![
            of_user("suspend-user", "POST", "/suspend"),
            of_user("reactivate-user", "POST", "/reactivate"),
            of_user("end-user-sessions", "POST", "/end-sessions"),
            of_user("delete-user", "DELETE", ""),
            of_user("update-user", "PATCH", ""),
            of_user("start-password-reset", "POST", "/password-reset"),
            of_user("grant-role", "PUT", "/roles/editor"),
            of_user("revoke-role", "DELETE", "/roles/editor"),
            Command { function: "put-role", request: put_role },
        ]
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Holds back one call of a function.
#[derive(Default)]
struct Hold {
    function: OnceLock<&'static str>,
    /// The number of calls before it.
    left: AtomicUsize,
    has_come: Notify,
    may_go_on: Notify,
}

impl Hold {
    fn fate(self: &Arc<Self>, call: &Call) -> Fate {
        let is_meant = self.function.get().is_some_and(|function| call.function == *function);
        if !is_meant || self.left.load(SeqCst) == NONE {
            return Fate::Proceed;
        }
        if self.left.fetch_sub(1, SeqCst) > 0 {
            return Fate::Proceed;
        }
        self.left.store(NONE, SeqCst);
        self.has_come.notify_one();
        let hold = Arc::clone(self);
        Fate::After(Box::pin(async move { hold.may_go_on.notified().await }))
    }
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}

/// Runs `second` completely before the call of `first` at this position.
async fn play(scene: &Scene, (first, second, position): (usize, usize, usize)) {
    let commands = scene.commands();
    let (one, other) = (&commands[first], &commands[second]);
    let folder = scene.folder.with_extension(format!("{first}-{second}-{position}"));
    copy(&scene.folder, &folder);
    let hold = Arc::new(Hold { left: AtomicUsize::new(position), ..Hold::default() });
    let held = Arc::clone(&hold);
    let stage = Stage::of(Stack::folder(&folder).watched_by(move |call| held.fate(call)));
    hold.function.set(one.function).expect("the first time");

    let interrupted = async {
        let answer = stage.send(one.request.clone()).await;
        // The command makes no such call, so the other one runs afterwards.
        hold.left.store(NONE, SeqCst);
        hold.has_come.notify_one();
        answer
    };
    let interrupting = async {
        hold.has_come.notified().await;
        let answer = stage.send(other.request.clone()).await;
        hold.may_go_on.notify_one();
        answer
    };
    let (interrupted, interrupting) = tokio::join!(interrupted, interrupting);

    for (command, answer) in [(one, interrupted), (other, interrupting)] {
        let is_decided = answer.status < 500 || answer.status == 503;
        let (first, second) = (one.function, other.function);
        let who = command.function;
        assert!(is_decided, "{second} before call {position} of {first}: {who}: {}", answer.body);
    }
    stage.events_of(&format!("user#{}", scene.user)).await;
    drop(stage);
    fs::remove_dir_all(&folder).expect("the folder of this test");
}

async fn play_all(scene: &Scene, cases: Vec<(usize, usize, usize)>) {
    stream::iter(cases).for_each_concurrent(4, |case| play(scene, case)).await;
}

#[tokio::test]
async fn commands_that_change_a_credential_meet_each_other_at_every_call() {
    let scene = Scene::new("proving").await;
    let positions = |pair: (usize, usize)| (0..CALLS).map(move |position| (pair.0, pair.1, position));
    let pairs = (0..PROVING).flat_map(|first| (0..PROVING).map(move |second| (first, second)));

    play_all(&scene, pairs.flat_map(positions).collect()).await;
}

#[tokio::test]
async fn any_two_commands_meet_at_any_call() {
    const CASES: usize = 120;
    let scene = Scene::new("any").await;
    let count = scene.commands().len();
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let case = (0..count, 0..count, 0..CALLS);
    let cases = (0..CASES).map(|_| case.new_tree(&mut runner).expect("a case").current());

    play_all(&scene, cases.collect()).await;
}
