//! Listing users, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod indexes;
mod pages;

use std::time::Duration;

use local::{Request, Setup, calls::round_trips};
use serde_json::{Value, json};
use stage::{PASSWORD, Stage, Tokens};

const PATH: &str = "/v1/users";
const ADMIN: &str = "root@example.net";

async fn listed(stage: &Stage, admin: &Tokens, query: &str) -> Vec<Value> {
    let answer = stage.get(&format!("{PATH}{query}"), &admin.access).await.expect(200);
    answer.body["items"].as_array().expect("users").clone()
}

/// Returns the addresses that a search finds, in its order.
async fn found(stage: &Stage, admin: &Tokens, query: &str) -> Vec<String> {
    let email = |user: &Value| user["email"].as_str().expect("an address").to_owned();
    listed(stage, admin, query).await.iter().map(email).collect()
}

/// Registers users, one each second.
async fn registered(stage: &Stage, emails: &[&str]) {
    for email in emails {
        stage.pass(Duration::from_secs(1));
        stage.registered(email).await;
    }
}

async fn leave(stage: &Stage, email: &str) {
    let tokens = Tokens::of(&stage.log_in(email).await.expect(201).body);
    let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
    stage.send(delete.bearer(&tokens.access)).await.expect(204);
}

#[tokio::test]
async fn an_administrator_sees_users_as_they_see_themselves_newest_first() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    registered(&stage, &["ada@example.com"]).await;
    stage.pass(Duration::from_secs(1));
    let bob = stage.signed_in("bob@example.com").await;

    let users = listed(&stage, &admin, "").await;

    let himself = stage.get("/v1/me", &bob.access).await.expect(200).body;
    assert_eq!(users[0], himself);
    assert_eq!(found(&stage, &admin, "").await, ["bob@example.com", "ada@example.com", ADMIN]);
    assert_eq!(
        found(&stage, &admin, "?sort=created_at").await,
        [ADMIN, "ada@example.com", "bob@example.com"]
    );
}

#[tokio::test]
async fn users_are_found_by_the_beginning_of_the_address() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    registered(
        &stage,
        &["Ada@example.com", "bob@example.com", "ada.l@example.com", "adam@xn--bcher-kva.example"],
    )
    .await;

    let adas = ["ada.l@example.com", "Ada@example.com", "adam@xn--bcher-kva.example"];
    assert_eq!(found(&stage, &admin, "?email_prefix=aDA").await, adas);
    assert_eq!(found(&stage, &admin, "?email_prefix=%20aDA%20").await, adas);
    assert_eq!(found(&stage, &admin, "?email_prefix=aDA&limit=30.0").await, adas);
    assert_eq!(found(&stage, &admin, "?email_prefix=ada@").await, ["Ada@example.com"]);
    assert_eq!(found(&stage, &admin, "?email_prefix=adam@XN--bcher").await, ["adam@xn--bcher-kva.example"]);
    assert_eq!(found(&stage, &admin, "?email_prefix=x").await, Vec::<String>::new());
    let mut reversed = found(&stage, &admin, "?email_prefix=ada&sort=-email").await;
    reversed.reverse();
    assert_eq!(reversed, adas);
    assert_eq!(found(&stage, &admin, "?sort=email").await.len(), 5);
}

#[tokio::test]
async fn users_are_found_by_status_and_time_of_creation() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    registered(&stage, &["ada@example.com", "bob@example.com", "eve@example.com"]).await;
    leave(&stage, "bob@example.com").await;

    assert_eq!(found(&stage, &admin, "?status=deleting").await, ["bob@example.com"]);
    assert_eq!(found(&stage, &admin, "?status=active").await, ["eve@example.com", "ada@example.com", ADMIN]);
    assert_eq!(found(&stage, &admin, "?status=suspended").await, Vec::<String>::new());
    let bob = listed(&stage, &admin, "?status=deleting").await.remove(0);
    let created = bob["created_at"].as_str().expect("a moment");
    for (query, expected) in [
        (format!("?created_after={created}"), vec!["eve@example.com"]),
        (format!("?created_before={created}"), vec!["ada@example.com", ADMIN]),
        (format!("?created_after={created}&created_before={created}"), vec![]),
        (format!("?created_before={created}&email_prefix=ada"), vec!["ada@example.com"]),
        (format!("?created_after={created}&email_prefix=ada"), vec![]),
    ] {
        assert_eq!(found(&stage, &admin, &query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn users_are_found_by_role() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    registered(&stage, &["ada@example.com", "bob@example.com"]).await;
    assert_eq!(found(&stage, &admin, "?role=admin").await, [ADMIN]);

    let ada = listed(&stage, &admin, "?email_prefix=ada").await.remove(0);
    stage.make_administrator(&ada).await;

    assert_eq!(found(&stage, &admin, "?role=admin").await, ["ada@example.com", ADMIN]);
    assert_eq!(found(&stage, &admin, "?role=admin&sort=created_at").await, [ADMIN, "ada@example.com"]);
    assert_eq!(found(&stage, &admin, "?role=admin&email_prefix=a").await, ["ada@example.com"]);
    assert_eq!(found(&stage, &admin, "?role=admin&email_prefix=b").await, Vec::<String>::new());
    assert_eq!(found(&stage, &admin, "?role=admin&status=suspended").await, Vec::<String>::new());
    assert_eq!(found(&stage, &admin, "?role=adm").await, Vec::<String>::new());

    stage.revoke_role(&admin.access, &ada, "admin").await.expect(204);
    assert_eq!(found(&stage, &admin, "?role=admin").await, [ADMIN]);
}

#[tokio::test]
async fn contradictory_filters_are_rejected() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let (long, longer) = ("a".repeat(255), "r".repeat(257));

    for wrong in [
        "?limit=0",
        "?limit=101",
        "?offset=1",
        "?status=erased",
        "?sort=name",
        "?created_after=yesterday",
        "?created_before=2026-11-21",
        "?email_prefix=",
        "?email_prefix=ad%C3%A4",
        "?email_prefix=a&sort=created_at",
        "?role=",
        &format!("?email_prefix={long}"),
        &format!("?role={longer}"),
    ] {
        let refused = stage.get(&format!("{PATH}{wrong}"), &admin.access).await.expect(422);
        assert_eq!(refused.problem(), "validation-failed", "{wrong}");
    }
    let both =
        stage.get(&format!("{PATH}?created_after=x&created_before=y"), &admin.access).await.expect(422);
    assert_eq!(both.body["errors"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn the_permission_to_read_users_is_required() {
    let stage = Stage::new();
    stage.administrator(ADMIN).await;
    let ada = stage.signed_in("ada@example.com").await;

    assert_eq!(stage.get(PATH, &ada.access).await.expect(403).problem(), "forbidden");
    assert_eq!(stage.send(Request::get(PATH)).await.expect(401).problem(), "invalid-token");
}

#[tokio::test]
async fn a_page_costs_the_same_for_few_and_many_users() {
    let stage = Stage::with(Setup::recording);
    let admin = stage.administrator(ADMIN).await;
    let mut costs = Vec::new();
    for more in [0, 20] {
        for number in 0..more {
            stage.registered(&format!("{number}@example.com")).await;
        }
        listed(&stage, &admin, "?limit=1").await;
        stage.settle().await;
        stage.forget_calls();

        listed(&stage, &admin, "?limit=1").await;

        let calls = stage.stack.calls();
        costs.push((round_trips(&calls), calls.len()));
    }
    assert_eq!(costs, [(2, 28), (2, 28)], "all partitions and the caller concurrently, then the users");
}
