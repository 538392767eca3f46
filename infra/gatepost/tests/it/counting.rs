//! `gatepost users count`: whether the counts are right, and what makes them right.

use serde_json::{Value, json};

use crate::moved::Folder;

fn people(count: u32) -> String {
    let person =
        |number| json!({"email": format!("{number}@example.com"), "email_verified": true}).to_string();
    (0..count).map(|number| person(number) + "\n").collect()
}

fn counted(folder: &Folder, arguments: &[&str]) -> (Option<i32>, Value) {
    let said = folder.users(&[&["count", "--json"], arguments].concat());
    (said.code, serde_json::from_str(&said.text).expect("a document"))
}

#[tokio::test]
async fn who_came_without_events_is_counted_by_a_repair_and_once() {
    let folder = Folder::new();
    {
        let stage = folder.system();
        stage.registered("ada@example.com").await;
        stage.settle().await;
    }
    folder.import("people.ndjson", &people(3), &["--no-events"]);

    let (code, found) = counted(&folder, &[]);
    assert_eq!((code, &found["wrong"], &found["total"]), (Some(3), &json!(3), &json!(1)), "{found}");

    let (code, repaired) = counted(&folder, &["--repair"]);
    assert_eq!((code, &repaired["wrong"], &repaired["total"]), (Some(0), &json!(3), &json!(4)), "{repaired}");
    let (code, right) = counted(&folder, &["--repair"]);
    let counts = json!({"active": 4, "suspended": 0, "deleting": 0});
    assert_eq!((code, &right["wrong"], &right["counts"]), (Some(0), &json!(0), &counts), "{right}");
}

#[tokio::test]
async fn who_is_counted_and_gone_is_counted_no_more() {
    let folder = Folder::new();
    {
        let stage = folder.system();
        stage.registered("ada@example.com").await;
        stage.settle().await;
        let cloud = stage.stack.cloud("count-users").expect("a cloud");
        let counts =
            store::UserCounts::new(&cloud, store::Identities::new(&cloud).expect("a table").client());
        let stranger = "019aa400-0000-7000-8000-000000000000".parse().expect("an id");
        let counted = domain::StatusName::Suspended;
        let recount = store::Recount { user_id: stranger, before: None, after: Some(counted) };
        let done = counts.expect("a table").commit(recount, cloud.clock().now()).await;
        assert!(done.expect("an answer"));
    }

    let said = folder.users(&["count", "--repair"]);

    assert_eq!(said.code, Some(0), "{}", said.complaint);
    assert!(said.text.contains("is counted as suspended, and is nobody"), "{}", said.text);
    assert!(said.text.contains("active 1, suspended 0, deleting 0, together 1"), "{}", said.text);
}
