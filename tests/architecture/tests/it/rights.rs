//! Each function's role permits exactly the calls of the function. All calls during successes, failures and
//! races are recorded and compared with the template.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};

use local::{
    Setup,
    calls::{Call, Fate, Refusal, Touch, rights},
    template::{OF_THIS_BUILD, Right, document},
};
use serde_json::{Value, json};
use stage::{
    PASSWORD, Stage, Tokens,
    applications::{Browser, forum, shop},
    upload::PNG,
};

use crate::again;

/// Rights that Lambda uses with a function's role, to read its source and to write its log.
const OF_LAMBDA: [&str; 7] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "sqs",
];

type Touched = BTreeMap<String, BTreeSet<Touch>>;

fn record(stage: &Stage, touched: &mut Touched) {
    for made in stage.stack.calls() {
        touched.entry(made.call.function.clone()).or_default().extend(rights([&made]));
    }
}

/// The responses of all commits are lost, so that each command reads its event back. The relay is late, so
/// that it reads every event first.
async fn through_lost_answers_and_a_late_relay(touched: &mut Touched) {
    let lost = |call: &Call| match call.operation.as_str() {
        "TransactWriteItems" => Fate::AnswerLost,
        _ => Fate::Proceed,
    };
    // The usual password is chosen repeatedly.
    let stage =
        Stage::with(|setup| setup.with_parameter("PasswordHistory", "1").recording().watched_by(lost));
    let late = || stage.pass(Duration::from_mins(2));

    stage.stack.run_schedule("sweep-events").await.expect("a sweep");
    stage.stack.run_schedule("rotate-keys").await.expect("a rotation");
    stage.stack.run_schedule("write-digest").await.expect("a digest");
    stage.register("ada@example.com").await.expect(202);
    stage.post("/v1/registrations/resend", json!({"email": "ada@example.com"})).await.expect(202);
    late();
    let token = stage.link("ada@example.com").await;
    stage.verify(&token).await.expect(201);
    late();
    stage.settle().await;

    let first = Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body);
    stage.send(local::Request::get("/.well-known/jwks.json")).await.expect(200);
    stage.get("/v1/me", &first.access).await.expect(200);
    let second = Tokens::of(&stage.refresh(&first.refresh).await.expect(200).body);
    stage.refresh(&second.refresh).await.expect(200);
    stage.refresh(&first.refresh).await.expect(401);
    let other = Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body);
    stage.log_out(&other.access).await.expect(204);
    through_the_oldest_session(&stage).await;
    through_the_profile_and_its_sessions(&stage).await;
    through_applications(&stage).await;
    through_new_passwords_and_addresses(&stage).await;
    through_the_end(&stage).await;
    record(&stage, touched);
}

/// Logs in more often than a user can have sessions.
async fn through_the_oldest_session(stage: &Stage) {
    for _ in 0..51 {
        stage.log_in("ada@example.com").await.expect(201);
    }
    // Sessions of the same time have no order, so the next ones are later.
    stage.pass(Duration::from_secs(1));
}

/// Signs in to applications, with everything that ends a grant.
async fn through_applications(stage: &Stage) {
    let (shop, forum) = (stage.application(shop()).await, stage.application(forum()).await);
    let mut browser = Browser::default();
    browser.code(stage, &shop.request("openid"), "ada@example.com").await;
    // Long enough for a session that is in use to be kept.
    stage.pass(Duration::from_hours(24));
    let again = [shop.request("openid"), vec![("prompt", "login")]].concat();
    let code = browser.code(stage, &again, "ada@example.com").await;
    let tokens = stage.redeem(&shop, &code).await.expect(200).body;
    stage.get("/oauth2/userinfo", tokens["access_token"].as_str().expect("a token")).await.expect(200);
    let refresh_token = tokens["refresh_token"].as_str().expect("a token");
    stage.refresh_grant(&shop, refresh_token).await.expect(200);
    let code = browser.code(stage, &shop.request("openid"), "ada@example.com").await;
    let revoked = stage.redeem(&shop, &code).await.expect(200).body;
    let revoked = [("token", revoked["access_token"].as_str().expect("a token"))];
    stage.post_form(&shop, "/oauth2/revoke", &revoked).await.expect(200);
    stage.pass(Duration::from_mins(2));
    stage.refresh_grant(&shop, refresh_token).await.expect(400);
    browser.code(stage, &forum.request("openid"), "ada@example.com").await;
    let here = Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body);
    stage.send(local::Request::delete("/v1/me/grants/forum").bearer(&here.access)).await.expect(204);
    stage.registered("kim@example.com").await;
    let other = [shop.request("openid"), vec![("prompt", "login")]].concat();
    browser.code(stage, &other, "kim@example.com").await;
    for path in ["/pages/sign-in", "/.well-known/oauth-authorization-server"] {
        stage.send(local::Request::get(path)).await.expect(200);
    }
}

/// Changes passwords and addresses.
async fn through_new_passwords_and_addresses(stage: &Stage) {
    let tokens = Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body);
    let first = stage.email_link(&tokens.access, "ada@example.org").await;
    stage.change_password(&tokens.access, "another horse, another battery").await.expect(204);
    stage.verify_email(&tokens.access, &first).await.expect(400);
    stage.post("/v1/password-resets", json!({"email": "ada@example.com"})).await.expect(202);
    stage.pass(Duration::from_mins(2));
    let link = stage.reset_link("ada@example.com").await;
    stage.reset(&link, PASSWORD).await.expect(204);
    let tokens = Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body);
    let second = stage.email_link(&tokens.access, "ada@example.org").await;
    stage.verify_email(&tokens.access, &second).await.expect(200);
    stage.pass(Duration::from_mins(2));
    stage.settle().await;
}

/// Runs the actions of administrators, and of a user who may change roles without being one. The responses of
/// all commits are lost, and the relay is late.
async fn through_administration(touched: &mut Touched) {
    let lost = |call: &Call| match call.operation.as_str() {
        "TransactWriteItems" => Fate::AnswerLost,
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| setup.recording().watched_by(lost));
    let admin = stage.administrator("ada@example.com").await;
    let bob = stage.registered("bob@example.com").await;
    let (_, deputy) = stage.deputy(&admin, "eve@example.com", &["roles:write"]).await;
    stage.refresh(&deputy.refresh).await.expect(200);
    for shown in ["/v1/roles", "/v1/roles/deputy"] {
        stage.get(shown, &admin.access).await.expect(200);
    }
    stage.put_role(&deputy.access, "reader", &[]).await.expect(200);
    stage.pass(Duration::from_mins(2));
    stage.grant_role(&deputy.access, &bob, "reader").await.expect(204);
    stage.revoke_role(&deputy.access, &bob, "reader").await.expect(204);
    stage.send(local::Request::delete("/v1/roles/reader").bearer(&deputy.access)).await.expect(204);
    stage.grant_role(&admin.access, &bob, "admin").await.expect(204);
    stage.revoke_role(&admin.access, &bob, "admin").await.expect(204);
    through_suspension_and_deletion(&stage, &admin, &bob).await;
    // The caller is not an administrator, so their roles must be unchanged as well.
    let (_, helper) = stage.deputy(&admin, "joe@example.com", &["users:write", "roles:write"]).await;
    let invited = json!({"email": "new@example.com", "roles": ["deputy"], "reason": "ticket 4711"});
    let new = stage.post_as("/v1/users", &helper.access, invited).await.expect(201).body;
    let invited = json!({"email": "root@example.net", "roles": ["admin"], "reason": "ticket 4711"});
    stage.post_as("/v1/users", &admin.access, invited).await.expect(201);
    let link = stage.link("root@example.net").await;
    stage.reset(&link, PASSWORD).await.expect(204);
    let new = format!("/v1/users/{}", new["id"].as_str().expect("an id"));
    let update = json!({"first_name": "Neo", "reason": "ticket 4711"});
    stage.send(local::Request::new("PATCH", &new).json(&update).bearer(&helper.access)).await.expect(200);
    through_somebodys_picture(&stage, &helper, &bob).await;
    let reason = json!({"reason": "ticket 4711"});
    stage.post_as(&format!("{new}/password-reset"), &helper.access, reason).await.expect(202);
    let delete = local::Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
    stage.make_administrator(&bob).await;
    stage.send(delete.bearer(&admin.access)).await.expect(204);
    let admin = Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body);
    let users = stage.get("/v1/users?limit=1", &admin.access).await.expect(200).body;
    stage.get("/v1/users?sort=email", &admin.access).await.expect(200);
    let user = format!("/v1/users/{}", users["items"][0]["id"].as_str().expect("an id"));
    for shown in [&*user, &format!("{new}/events?limit=1"), "/v1/user-counts"] {
        stage.get(shown, &admin.access).await.expect(200);
    }
    stage.settle().await;
    record(&stage, touched);
}

/// Sets a picture, which an administrator removes.
async fn through_somebodys_picture(stage: &Stage, helper: &Tokens, user: &Value) {
    let tokens = Tokens::of(&stage.log_in("bob@example.com").await.expect(201).body);
    stage.upload(&tokens.access, PNG).await;
    stage.set_picture(&tokens.access).await.expect(200);
    let path = format!("/v1/users/{}", user["id"].as_str().expect("an id"));
    let removal = json!({"picture": null, "reason": "ticket 4711"});
    stage.send(local::Request::new("PATCH", &path).json(&removal).bearer(&helper.access)).await.expect(200);
}

/// Suspends, reactivates, deletes and reactivates an administrator.
async fn through_suspension_and_deletion(stage: &Stage, admin: &Tokens, user: &Value) {
    stage.make_administrator(user).await;
    stage.put_role(&admin.access, "helper", &["users:write"]).await.expect(200);
    let helper = stage.registered("helper@example.com").await;
    stage.grant_role(&admin.access, &helper, "helper").await.expect(204);
    stage.pass(Duration::from_mins(2));
    let helper = Tokens::of(&stage.log_in("helper@example.com").await.expect(201).body);
    let other = stage.registered("other@example.com").await;
    stage.end_sessions(&helper.access, &other).await.expect(204);
    stage.suspend(&helper.access, &other).await.expect(200);
    stage.reactivate(&helper.access, &other).await.expect(200);
    stage.delete_user(&helper.access, &other).await.expect(204);
    stage.reactivate(&helper.access, &other).await.expect(200);
    stage.suspend(&admin.access, user).await.expect(200);
    stage.reactivate(&admin.access, user).await.expect(200);
    stage.delete_user(&admin.access, user).await.expect(204);
    stage.reactivate(&admin.access, user).await.expect(200);
    stage.revoke_role(&admin.access, user, "admin").await.expect(204);
}

/// Every request has a key, so that stored responses are read, written and returned.
async fn through_keys(touched: &mut Touched) {
    for route in again::changing() {
        let stage = Stage::with(Setup::recording);
        let request = again::ready(&route, &stage).await;
        for _ in 0..2 {
            again::send(&stage, &request).await;
        }
        record(&stage, touched);
    }
}

async fn through_the_profile_and_its_sessions(stage: &Stage) {
    let here = Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body);
    let there = Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body);
    let as_ada = |method, path: &str| local::Request::new(method, path).bearer(&here.access);
    for shown in ["/v1/me/sessions?limit=1", "/v1/me/events?limit=1", "/v1/me/export"] {
        stage.get(shown, &here.access).await.expect(200);
    }
    let path = format!("/v1/me/sessions/{}", there.session_id);
    stage.send(as_ada("DELETE", &path)).await.expect(204);
    stage.send(as_ada("DELETE", "/v1/me/sessions")).await.expect(204);
    stage.send(as_ada("PATCH", "/v1/me").json(&json!({"last_name": "L"}))).await.expect(200);
    stage.upload(&here.access, PNG).await;
    let me = stage.set_picture(&here.access).await.expect(200).body;
    stage.send(local::Request::get(me["picture"].as_str().expect("a path"))).await.expect(200);
    stage.send(as_ada("PATCH", "/v1/me").json(&json!({"picture": null}))).await.expect(200);
}

/// A user deletes the account, cancels that, deletes it again, and is erased.
async fn through_the_end(stage: &Stage) {
    let user = stage.registered("eve@example.com").await;
    // Adds personal data to registration events, as an earlier version wrote them.
    let registration = format!("registration#{}", user["id"].as_str().expect("an id"));
    let detail = json!({"data": {"email": "eve@example.com"}}).to_string();
    stage::outbox::Outbox::of(&stage.stack).commit_detail(&registration, 2, &detail).await;
    for stream in [&registration, &registration.replace("registration", "user")] {
        let keys = json!({"stream": {"S": stream}, "seq": {"N": "2"}});
        let record = json!({"SequenceNumber": stream, "Keys": keys, "NewImage": {}});
        let unreadable = json!({"Records": [{"eventName": "INSERT", "dynamodb": record}]});
        stage.stack.call("relay-events", unreadable).await.expect("a quarantine");
    }
    for _ in 0..2 {
        let tokens = Tokens::of(&stage.log_in("eve@example.com").await.expect(201).body);
        let delete = local::Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
        stage.send(delete.bearer(&tokens.access)).await.expect(204);
    }
    // The user is counted before the erasure removes them from the counts.
    stage.settle().await;
    stage.pass(Duration::from_hours(7 * 24 + 1));
    stage.stack.run_schedule("erase-users").await.expect("a run");
    stage.settle().await;
}

/// The relay never runs, so that the sweeper finds events of every kind. One record is unreadable.
async fn through_the_sweeper_and_the_quarantine(touched: &mut Touched) {
    let stage = Stage::with(Setup::recording);
    let admin = stage.administrator("ada@example.com").await;
    stage.register("bob@example.com").await.expect(202);
    stage.post("/v1/registrations/resend", json!({"email": "bob@example.com"})).await.expect(202);
    stage.post("/v1/password-resets", json!({"email": "bob@example.com"})).await.expect(202);
    stage.log_in("ada@example.com").await.expect(201);
    stage.put_role(&admin.access, "editor", &[]).await.expect(200);
    stage.application(shop()).await;
    stage.stack.run_schedule("write-digest").await.expect("a digest");
    stage.pass(Duration::from_mins(16));
    stage.stack.run_schedule("sweep-events").await.expect("a sweep");

    let unreadable = json!({"eventName": "INSERT", "dynamodb": {"SequenceNumber": "1", "NewImage": {}}});
    stage.stack.call("relay-events", json!({"Records": [unreadable]})).await.expect("a quarantine");
    record(&stage, touched);
}

/// Raises the parameters of the hash, so that a log-in replaces it.
async fn through_a_rehash(touched: &mut Touched) {
    let folder = std::env::temp_dir().join(format!("gatepost-rights-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let setup = local::Stack::folder(&folder);
    Stage::of(setup.clone()).registered("ada@example.com").await;
    let stage = Stage::of(setup.with_parameter("Argon2Iterations", "3").recording());
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    stage.post("/v1/sessions", body).await.expect(201);
    record(&stage, touched);
    drop(stage);
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}

/// A mail that SES refuses at first, and one that bounces.
async fn through_mails_that_come_back(touched: &mut Touched) {
    let first = AtomicBool::new(true);
    let busy = move |call: &Call| match call.operation.as_str() {
        "SendEmail" if first.swap(false, SeqCst) => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| setup.recording().watched_by(busy));
    for email in ["ada@example.com", "bounce@simulator.amazonses.com"] {
        stage.register(email).await.expect(202);
        stage.settle().await;
    }
    record(&stage, touched);
}

fn permits(right: &Right, touch: &Touch) -> bool {
    let key_fits = match (&right.leading_key, &touch.partition_key) {
        (None, _) => true,
        (Some(pattern), Some(key)) => {
            pattern.strip_suffix('*').map_or_else(|| pattern == key, |prefix| key.starts_with(prefix))
        }
        (Some(_), None) => false,
    };
    // A mail is sent from an address, which is not a resource of the template.
    let is_resource = right.resource == touch.resource || right.action == "ses:SendEmail";
    right.action == touch.action && is_resource && right.index == touch.index && key_fits
}

/// The parts of a key that name its kind. Further parts may be personal data.
const KEY_PARTS: usize = 2;

/// Returns a narrower pattern for the role, if that of `right` matches more keys than the function uses. It
/// has the common parts of the used keys, for example `LIMIT#picture#`.
fn narrower(right: &Right, done: &BTreeSet<Touch>) -> Option<String> {
    let used = done.iter().filter(|touch| permits(right, touch));
    let keys: Vec<_> = used.map(|touch| touch.partition_key.as_deref()).collect::<Option<_>>()?;
    let shared = keys.iter().copied().reduce(common)?;
    let parts = shared.match_indices('#').take(KEY_PARTS).last().map_or("", |(end, _)| &shared[..=end]);
    let is_one_key = right.leading_key.is_some() && keys.iter().all(|key| *key == shared) && parts.is_empty();
    let narrowest = if is_one_key { shared.to_owned() } else { format!("{parts}*") };
    let granted = right.leading_key.as_deref().unwrap_or("*");
    (granted.ends_with('*') && granted.len() < narrowest.len()).then_some(narrowest)
}

/// Returns the common beginning of both texts.
fn common<'a>(text: &'a str, other: &str) -> &'a str {
    let same = text.bytes().zip(other.bytes()).take_while(|(byte, other)| byte == other).count();
    text.get(..same).unwrap_or_default()
}

#[test]
fn a_pattern_that_fits_more_keys_than_are_used_is_found() {
    let touch = |key: &str| Touch {
        action: "dynamodb:UpdateItem".to_owned(),
        resource: "Identities".to_owned(),
        index: None,
        partition_key: Some(key.to_owned()),
    };
    let narrower = |pattern: Option<&str>, keys: &[&str]| {
        let Touch { action, resource, index, .. } = touch("");
        let right = Right { action, resource, index, leading_key: pattern.map(str::to_owned) };
        narrower(&right, &keys.iter().map(|key| touch(key)).collect())
    };
    let pictures = ["LIMIT#picture#user#a1", "LIMIT#picture#user#a2"];
    assert_eq!(narrower(Some("LIMIT#*"), &pictures).as_deref(), Some("LIMIT#picture#*"));
    assert_eq!(narrower(None, &pictures).as_deref(), Some("LIMIT#picture#*"));
    assert_eq!(narrower(Some("LIMIT#picture#*"), &pictures), None);
    assert_eq!(narrower(Some("LIMIT#*"), &["LIMIT#a#1", "LIMIT#b#1"]), None);
    assert_eq!(narrower(Some("*"), &["KEYS"]).as_deref(), Some("KEYS"));
}

#[tokio::test]
async fn every_role_permits_what_its_function_does_and_no_more() {
    let mut touched = Touched::new();
    through_lost_answers_and_a_late_relay(&mut touched).await;
    through_administration(&mut touched).await;
    through_keys(&mut touched).await;
    through_the_sweeper_and_the_quarantine(&mut touched).await;
    through_a_rehash(&mut touched).await;
    through_mails_that_come_back(&mut touched).await;

    let mut missing = Vec::new();
    let mut spare = Vec::new();
    let mut wide = Vec::new();
    for (role, granted) in local::template::rights(OF_THIS_BUILD).expect("a template") {
        let function = folder_of(&role);
        let mut done = touched.remove(&function).unwrap_or_default();
        // `gatepost clients` uses the settings of this function, and an operator's own rights.
        done.retain(|touch| function != "grant-role" || !is_of_clients(touch));
        let lacking = done.iter().filter(|touch| !granted.iter().any(|right| permits(right, touch)));
        missing.extend(lacking.map(|touch| format!("{function}: {touch:?}")));
        let ours =
            granted.iter().filter(|right| !OF_LAMBDA.iter().any(|action| right.action.starts_with(action)));
        // The destination of Lambda for records that it gave up.
        let ours = ours.filter(|right| right.resource != "RelayFailures");
        for right in ours {
            if !done.iter().any(|touch| permits(right, touch)) {
                spare.push(format!("{function}: {right:?}"));
            }
            let narrower = narrower(right, &done);
            wide.extend(narrower.map(|pattern| format!("{function}: {right:?} only needs {pattern}")));
        }
    }

    let none = Vec::<String>::new;
    assert_eq!((missing, spare, wide), (none(), none(), none()), "missing, spare, too wide");
    assert!(touched.is_empty(), "a role for each function: {:?}", touched.keys());
}

fn is_of_clients(touch: &Touch) -> bool {
    let key = touch.partition_key.as_deref();
    key.is_some_and(|key| key == "CLIENTS" || key.starts_with("client#"))
}

#[test]
fn every_function_may_write_its_log_and_its_traces() {
    let document = document(OF_THIS_BUILD).expect("a template");
    let resources = document["Resources"].as_object().expect("resources");
    for role in local::template::rights(OF_THIS_BUILD).expect("a template").into_keys() {
        let attached = resources[&role]["Properties"]["ManagedPolicyArns"].as_array().expect("policies");
        let running: Vec<_> = attached
            .iter()
            .filter_map(|policy| policy["Ref"].as_str())
            .filter(|policy| policy.starts_with("Run"))
            .collect();
        assert_eq!(running.len(), 1, "{role} attaches {running:?}");
        let policy = &resources[running[0]]["Properties"]["PolicyDocument"]["Statement"];
        assert_eq!(policy[1]["Fn::If"][0], "IsTraced", "{}", running[0]);
        let traces = json!(["xray:PutTraceSegments", "xray:PutTelemetryRecords"]);
        assert_eq!(policy[1]["Fn::If"][1]["Action"], traces, "{}", running[0]);
        // The function writes to the group that its role permits.
        let function = &resources[role.strip_suffix("Role").expect("a role")]["Properties"];
        let group = &function["LoggingConfig"]["LogGroup"]["Ref"];
        let group = group.as_str().unwrap_or("ApiLogs");
        assert_eq!(policy[0]["Resource"]["Fn::GetAtt"][0], group, "{role}");
    }
}

#[test]
fn one_sid_has_one_meaning() {
    let document = document(OF_THIS_BUILD).expect("a template");
    let mut meanings = BTreeMap::new();
    for (id, resource) in document["Resources"].as_object().expect("resources") {
        let properties = &resource["Properties"];
        let inline = properties["Policies"].as_array().into_iter().flatten();
        let documents = inline.map(|policy| &policy["PolicyDocument"]).chain([&properties["PolicyDocument"]]);
        for statement in documents.flat_map(|document| document["Statement"].as_array().into_iter().flatten())
        {
            let Some(sid) = statement["Sid"].as_str() else { continue };
            let first = meanings.entry(sid.to_owned()).or_insert_with(|| statement.clone());
            assert_eq!(first, statement, "{id}: {sid}");
        }
    }
    assert!(meanings.len() > 50, "the statements are read");
}

/// Returns the folder of a role: `LogInRole` belongs to `log-in`.
fn folder_of(role: &str) -> String {
    let name = role.strip_suffix("Role").unwrap_or(role);
    let dashed = |c: char| if c.is_uppercase() { format!("-{}", c.to_lowercase()) } else { c.to_string() };
    name.chars().map(dashed).collect::<String>().trim_start_matches('-').to_owned()
}
