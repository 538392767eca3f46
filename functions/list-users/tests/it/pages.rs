//! Paging while users are created and erased.

use std::{collections::BTreeSet, time::Duration};

use stage::{Stage, Tokens};

use crate::{ADMIN, PATH, leave, registered};

/// Reads every page of a search, and calls `between` after each.
async fn walk(stage: &Stage, query: &str, mut between: impl AsyncFnMut(&Stage, usize)) -> Vec<String> {
    let (mut seen, mut cursor, mut page) = (Vec::new(), String::new(), 0);
    loop {
        let admin = Tokens::of(&stage.log_in(ADMIN).await.expect(201).body);
        let answer = stage.get(&format!("{PATH}{query}{cursor}"), &admin.access).await.expect(200).body;
        let items = answer["items"].as_array().expect("users");
        seen.extend(items.iter().map(|user| user["email"].as_str().expect("an address").to_owned()));
        let Some(next) = answer["next_cursor"].as_str() else { return seen };
        cursor = format!("&cursor={next}");
        between(stage, page).await;
        page += 1;
        assert!(page < 50, "the list has an end: {seen:?}");
    }
}

#[tokio::test]
async fn a_long_list_is_paged_in_every_order() {
    let stage = Stage::new();
    stage.administrator(ADMIN).await;
    registered(&stage, &["c@example.com", "a@example.com", "d@example.com", "b@example.com"]).await;
    let by_creation = [ADMIN, "c@example.com", "a@example.com", "d@example.com", "b@example.com"];
    let by_email = ["a@example.com", "b@example.com", "c@example.com", "d@example.com", ADMIN];
    let reversed = |emails: [&'static str; 5]| emails.into_iter().rev().collect();

    for (sort, expected) in [
        ("created_at", by_creation.to_vec()),
        ("-created_at", reversed(by_creation)),
        ("email", by_email.to_vec()),
        ("-email", reversed(by_email)),
    ] {
        for limit in 1..=6 {
            let seen = walk(&stage, &format!("?limit={limit}&sort={sort}"), async |_, _| ()).await;
            assert_eq!(seen, expected, "{sort}, {limit} at a time");
        }
    }
}

#[tokio::test]
async fn users_who_stay_are_listed_once_while_others_come_and_go() {
    for sort in ["created_at", "-created_at", "email", "-email"] {
        let stage = Stage::new();
        stage.administrator(ADMIN).await;
        // Users with an even number stay.
        let stayers: Vec<_> = (0..10).map(|number| format!("p{number}@example.com")).collect();
        for email in &stayers {
            registered(&stage, &[email]).await;
        }
        for email in stayers.iter().skip(1).step_by(2) {
            leave(&stage, email).await;
        }

        // Users with a pending deletion are erased after the first page. Two users are created after each
        // page.
        let seen = walk(&stage, &format!("?limit=3&sort={sort}"), async |stage, page| {
            if page == 0 {
                stage.pass(Duration::from_hours(7 * 24 + 1));
                stage.stack.run_schedule("erase-users").await.expect("a run");
            }
            if page < 4 {
                let (first, last) = (format!("a{page}@example.com"), format!("z{page}@example.com"));
                registered(stage, &[&first, &last]).await;
            }
        })
        .await;

        let distinct: BTreeSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "{sort}: nobody is doubled: {seen:?}");
        for stayer in stayers.iter().step_by(2).map(String::as_str).chain([ADMIN]) {
            assert!(seen.iter().any(|email| email == stayer), "{sort}: {stayer} is missed: {seen:?}");
        }
    }
}

#[tokio::test]
async fn a_cursor_is_valid_for_its_own_search_only() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    registered(&stage, &["ada@example.com", "bob@example.com"]).await;
    let first = stage.get(&format!("{PATH}?limit=1&status=active"), &admin.access).await.expect(200).body;
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let get = async |query: &str, tokens: &Tokens| {
        stage.get(&format!("{PATH}{query}&cursor={cursor}"), &tokens.access).await
    };

    get("?limit=100&status=active", &admin).await.expect(200);
    for other in
        ["?limit=1", "?limit=1&status=deleting", "?status=active&sort=created_at", "?status=active&role=a"]
    {
        assert_eq!(get(other, &admin).await.expect(400).problem(), "invalid-cursor", "{other}");
    }
    let other = stage.administrator("other@example.net").await;
    assert_eq!(get("?status=active", &other).await.expect(400).problem(), "invalid-cursor");
}
