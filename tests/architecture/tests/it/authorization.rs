//! Every kind of caller sends every administrative request about every kind of target. The statuses are
//! compared with the table in `authorization.txt`.
//!
//! `REGENERATE=1 cargo test --package architecture authorization` writes the table; review each changed line.

use std::{collections::BTreeSet, fmt::Write, fs, time::Duration};

use domain::{
    Actor, Applicant, Attributes, Email, EventContext, Hashes, Newcomer, PasswordHash, StatedReason, Status,
    UserId,
};
use local::Request;
use serde_json::{Value, json};
use stage::{PASSWORD, Stage, Tokens};
use store::Store;

use crate::admission::with_token;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/authorization.txt");
const HEAD: &str = "\
The status of each administrative request, by caller (columns) and target (rows). The columns are:

none       no access token
suspended  an administrator who was suspended after logging in
ended      an administrator whose session has ended
revoked    an administrator whose role was revoked a moment ago
e:r …      a user with one permission: events:read, roles:read, roles:write, users:read, users:write
five       a user with all five of these permissions, without the role admin
admin      an administrator

The role helper permits nothing, the role refunder permits orders:refund, which only an administrator can give.
";

const CALLERS: [(&str, &str); 11] = [
    ("none", ""),
    ("suspended", "admin"),
    ("ended", "admin"),
    ("revoked", "admin"),
    ("e:r", "events-read"),
    ("r:r", "roles-read"),
    ("r:w", "roles-write"),
    ("u:r", "users-read"),
    ("u:w", "users-write"),
    ("five", "five"),
    ("admin", "admin"),
];

const TARGETS: [(&str, Target); 11] = [
    ("plain", Target::Plain),
    ("same permissions", Target::Same),
    ("other permissions", Target::Other),
    ("administrator", Target::Administrator),
    ("invited", Target::Invited),
    ("suspended", Target::Suspended),
    ("leaving by own wish", Target::Leaving),
    ("the same, suspended", Target::LeavingSuspended),
    ("deleted by an administrator", Target::Deleted),
    ("erased", Target::Erased),
    ("oneself", Target::Oneself),
];

/// The target of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Plain,
    /// Has the same permissions as the caller.
    Same,
    /// Has a permission that the caller lacks.
    Other,
    Administrator,
    Invited,
    Suspended,
    /// Has requested the deletion.
    Leaving,
    LeavingSuspended,
    Deleted,
    Erased,
    Oneself,
}

/// A request: its route, its name in the table, and its body.
struct Asked {
    route: &'static str,
    /// The method and the path, with the role, which are the label in the table.
    shown: &'static str,
    body: Value,
}

fn asked(route: &'static str, shown: &'static str, body: Value) -> Asked {
    Asked { route, shown, body }
}

/// Returns requests about a user.
fn about_users() -> Vec<Asked> {
    let reason = || json!({"reason": "ticket 4711"});
    let update = json!({"first_name": "New", "reason": "ticket 4711"});
    let user = |route| asked(route, route, reason());
    let role = |shown: &'static str| {
        let is_put = shown.starts_with("PUT");
        let route =
            if is_put { "PUT /v1/users/{id}/roles/{name}" } else { "DELETE /v1/users/{id}/roles/{name}" };
        asked(route, shown, reason())
    };
    vec![
        asked("GET /v1/users/{id}", "GET /v1/users/{id}", Value::Null),
        asked("GET /v1/users/{id}/events", "GET /v1/users/{id}/events", Value::Null),
        asked("PATCH /v1/users/{id}", "PATCH /v1/users/{id}", update),
        user("DELETE /v1/users/{id}"),
        user("POST /v1/users/{id}/suspend"),
        user("POST /v1/users/{id}/reactivate"),
        user("POST /v1/users/{id}/end-sessions"),
        user("POST /v1/users/{id}/password-reset"),
        role("PUT /v1/users/{id}/roles/helper"),
        role("PUT /v1/users/{id}/roles/refunder"),
        role("PUT /v1/users/{id}/roles/admin"),
        role("DELETE /v1/users/{id}/roles/helper"),
        role("DELETE /v1/users/{id}/roles/refunder"),
        role("DELETE /v1/users/{id}/roles/admin"),
    ]
}

/// Returns requests that are not about an existing user. `{new}` is a new role or address each time.
fn about_others() -> Vec<Asked> {
    let invite = |roles: &[&str]| json!({"email": "{new}@example.com", "roles": roles, "reason": "t"});
    let create = |shown, roles: &[&str]| asked("POST /v1/users", shown, invite(roles));
    let define = |shown, permissions: &[&str]| {
        asked("PUT /v1/roles/{name}", shown, json!({"permissions": permissions}))
    };
    vec![
        asked("GET /v1/users", "GET /v1/users", Value::Null),
        create("POST /v1/users", &[]),
        create("POST /v1/users (helper)", &["helper"]),
        create("POST /v1/users (refunder)", &["refunder"]),
        create("POST /v1/users (admin)", &["admin"]),
        asked("GET /v1/user-counts", "GET /v1/user-counts", Value::Null),
        asked("GET /v1/roles", "GET /v1/roles", Value::Null),
        asked("GET /v1/roles/{name}", "GET /v1/roles/helper", Value::Null),
        define("PUT /v1/roles/{new}", &[]),
        define("PUT /v1/roles/{new} (roles:write)", &["roles:write"]),
        define("PUT /v1/roles/{new} (orders:refund)", &["orders:refund"]),
        define("PUT /v1/roles/admin", &[]),
        asked("DELETE /v1/roles/{name}", "DELETE /v1/roles/{new}", Value::Null),
        asked("DELETE /v1/roles/{name}", "DELETE /v1/roles/{new} (orders:refund)", Value::Null),
        asked("DELETE /v1/roles/{name}", "DELETE /v1/roles/admin", Value::Null),
    ]
}

struct Caller {
    kind: &'static str,
    role: &'static str,
    id: String,
    access: Option<String>,
}

/// The stage, its callers, and the means to create targets.
struct Play {
    stage: Stage,
    root: Tokens,
    erased: String,
    store: Store,
    made: u64,
}

impl Play {
    async fn new() -> Self {
        let stage = Stage::with(|setup| setup.with_parameter("MailRequestsPerIp", "100000"));
        let erased = stage.registered("erased@example.com").await;
        let tokens = Tokens::of(&stage.log_in("erased@example.com").await.expect(201).body);
        let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
        stage.send(delete.bearer(&tokens.access)).await.expect(204);
        stage.pass(Duration::from_hours(8 * 24));
        stage.stack.run_schedule("erase-users").await.expect("a run");
        stage.settle().await;

        let root = stage.administrator("root@example.com").await;
        for (role, permission) in [
            ("events-read", "events:read"),
            ("roles-read", "roles:read"),
            ("roles-write", "roles:write"),
            ("users-read", "users:read"),
            ("users-write", "users:write"),
            ("refunder", "orders:refund"),
        ] {
            stage.put_role(&root.access, role, &[permission]).await.expect(200);
        }
        stage.put_role(&root.access, "helper", &[]).await.expect(200);
        stage.put_role(&root.access, "five", &domain::Permission::OWN).await.expect(200);
        // Log-in caches the roles for a minute.
        stage.pass(Duration::from_mins(1));
        let store = Store::new(&stage.stack.cloud("register").expect("a cloud")).expect("a store");
        let erased = stage::id(&erased).to_owned();
        Self { stage, root, erased, store, made: 0 }
    }

    fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    async fn caller(&mut self, kind: &'static str, role: &'static str) -> Caller {
        if kind == "none" {
            let id = self.user(&[], Status::Active, true).await;
            return Caller { kind, role, id, access: None };
        }
        let (stage, root) = (&self.stage, &self.root);
        let email = format!("caller-{}@example.com", self.made);
        self.made += 1;
        let user = stage.registered(&email).await;
        stage.grant_role(&root.access, &user, role).await.expect(204);
        let tokens = Tokens::of(&stage.log_in(&email).await.expect(201).body);
        match kind {
            "suspended" => drop(stage.suspend(&root.access, &user).await.expect(200)),
            "ended" => drop(stage.log_out(&tokens.access).await.expect(204)),
            "revoked" => drop(stage.revoke_role(&root.access, &user, role).await.expect(204)),
            _ => {}
        }
        Caller { kind, role, id: stage::id(&user).to_owned(), access: Some(tokens.access) }
    }

    /// Adds a user like an import, without computing a hash.
    async fn user(&mut self, roles: &[&str], status: Status, has_password: bool) -> String {
        let number = self.number();
        let now = self.stage.stack.clock().now();
        let email = Email::parse(&format!("target-{number}@example.com")).expect("an address");
        let newcomer = Newcomer {
            id: UserId::new(now, (u128::from(number) << 32).to_be_bytes()[6..].try_into().expect("ten")),
            applicant: Applicant { email, first_name: None, last_name: None, locale: None },
            attributes: Attributes::default(),
            status,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            created_at: now,
            updated_at: now,
        };
        let none = PasswordHash { phc: "none".to_owned(), pepper_id: "none".to_owned() };
        if has_password {
            let hashes = Hashes { present: none, has_password, previous: Vec::new() };
            let (user, credential) = newcomer.admit_silently(hashes);
            self.store.admit(&user, &credential, None).await.expect("admitted");
            return user.id.to_string();
        }
        let cause = EventContext {
            event_id: self.stage.stack.cloud("register").expect("a cloud").random().id(now),
            occurred_at: now,
            actor: Actor::Operator,
            correlation_id: "a-target".to_owned(),
            traceparent: None,
        };
        let reason = StatedReason::parse("ticket 4711").expect("a reason");
        let (user, credential, event) = newcomer.invite(none, reason, cause);
        self.store.answering(None).add_user(&user, &credential, &event).await.expect("added");
        user.id.to_string()
    }

    async fn target(&mut self, target: Target, caller: &Caller) -> String {
        let erase_at = self.stage.stack.clock().now().plus(Duration::from_hours(24));
        let deleting = |is_final, was_suspended| Status::Deleting { erase_at, is_final, was_suspended };
        let same =
            if CALLERS[4..10].iter().any(|(_, role)| *role == caller.role) { caller.role } else { "five" };
        let (roles, status): (&[&str], _) = match target {
            Target::Oneself => return caller.id.clone(),
            Target::Erased => return self.erased.clone(),
            Target::Plain | Target::Invited => (&[], Status::Active),
            Target::Same => (&[same], Status::Active),
            Target::Other => (&["refunder"], Status::Active),
            Target::Administrator => (&["admin"], Status::Active),
            Target::Suspended => (&[], Status::Suspended),
            Target::Leaving => (&[], deleting(false, false)),
            Target::LeavingSuspended => (&[], deleting(false, true)),
            Target::Deleted => (&[], deleting(true, false)),
        };
        self.user(roles, status, target != Target::Invited).await
    }

    async fn send(&mut self, asked: &Asked, caller: &Caller, id: &str) -> u16 {
        let new = format!("new-{}", self.number());
        let (method, path) = asked.shown.split_once(' ').expect("a method");
        let (path, role) = path.split_once(" (").unwrap_or((path, ""));
        if method == "DELETE" && path.contains("{new}") {
            let permissions = role.strip_suffix(')').into_iter().collect::<Vec<_>>();
            self.stage.put_role(&self.root.access, &new, &permissions).await.expect(200);
        }
        let mut request = Request::new(method, &path.replace("{id}", id).replace("{new}", &new));
        if !asked.body.is_null() {
            let body = asked.body.to_string().replace("{new}", &new);
            request = request.json(&serde_json::from_str::<Value>(&body).expect("JSON"));
        }
        if let Some(access) = &caller.access {
            request = request.bearer(access);
        }
        self.stage.send(request).await.status
    }

    /// Returns the statuses of a request about a target for every caller.
    async fn row(&mut self, asked: &Asked, target: Option<Target>, callers: &mut [Caller]) -> Vec<u16> {
        let mut statuses = Vec::new();
        for caller in callers {
            let id = match target {
                Some(target) => self.target(target, caller).await,
                None => String::new(),
            };
            let status = self.send(asked, caller, &id).await;
            statuses.push(status);
            // The request has changed the caller, so a new one is needed.
            if target == Some(Target::Oneself) && status < 300 && !asked.shown.starts_with("GET") {
                *caller = self.caller(caller.kind, caller.role).await;
            }
        }
        statuses
    }
}

fn line(table: &mut String, label: &str, cells: impl IntoIterator<Item = impl ToString>) {
    write!(table, "{label:<38}").expect("text");
    for cell in cells {
        write!(table, "{:>10}", cell.to_string()).expect("text");
    }
    writeln!(table).expect("text");
}

#[tokio::test]
async fn every_caller_may_do_what_the_table_of_authorization_says() {
    let mut play = Play::new().await;
    let mut callers = Vec::new();
    for (kind, role) in CALLERS {
        callers.push(play.caller(kind, role).await);
    }

    let mut table = HEAD.to_owned();
    writeln!(table).expect("text");
    line(&mut table, "", CALLERS.map(|(kind, _)| kind));
    for asked in about_others() {
        let statuses = play.row(&asked, None, &mut callers).await;
        line(&mut table, asked.shown, statuses);
    }
    for asked in about_users() {
        writeln!(table, "\n{}", asked.shown).expect("text");
        for (label, target) in TARGETS {
            let statuses = play.row(&asked, Some(target), &mut callers).await;
            line(&mut table, &format!("  {label}"), statuses);
        }
    }

    if std::env::var_os("REGENERATE").is_some() {
        fs::write(TABLE, &table).expect("the table is written");
    }
    let expected = fs::read_to_string(TABLE).expect("a table");
    for (played, expected) in table.lines().zip(expected.lines()) {
        assert_eq!(played, expected);
    }
    assert_eq!(table.len(), expected.len());
}

#[test]
fn the_table_of_authorization_has_every_administrative_route() {
    let administrative: BTreeSet<_> =
        with_token().into_iter().filter(|(_, is_permitted)| *is_permitted).map(|(route, _)| route).collect();

    let played = about_users().into_iter().chain(about_others());

    assert_eq!(played.map(|asked| asked.route.to_owned()).collect::<BTreeSet<_>>(), administrative);
}
