//! `gatepost users count`: finding and correcting wrong counts.

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
async fn users_imported_without_events_are_counted_once_by_a_repair() {
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
async fn counted_users_who_do_not_exist_are_removed_from_the_counts() {
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
    assert!(said.text.contains("is counted as suspended, but is not a user"), "{}", said.text);
    assert!(said.text.contains("active 1, suspended 0, deleting 0, together 1"), "{}", said.text);
}

/// Writes the count of administrators as an earlier release did: without a number of changes, and with users
/// who cannot sign in.
fn count_as_before(stage: &stage::Stage, administrators: u64) {
    let item = json!({
        "pk": {"S": "ADMINISTRATORS"}, "sk": {"S": "ADMINISTRATORS"},
        "administrators": {"N": administrators.to_string()},
    });
    stage.stack.dynamodb("PutItem", &json!({"TableName": "Identities", "Item": item})).expect("an item");
}

#[tokio::test]
async fn a_count_of_administrators_of_an_earlier_release_is_repaired() {
    let folder = Folder::new();
    let admin = {
        let stage = folder.system();
        let admin = stage.administrator("ada@example.com").await;
        let ghost = json!({"email": "ghost@example.com", "roles": ["admin"], "reason": "ticket 4711"});
        stage.post_as("/v1/users", &admin.access, ghost).await.expect(201);
        stage.settle().await;
        admin
    };
    let person = json!({"email": "bob@example.com", "email_verified": true}).to_string() + "\n";
    folder.import("people.ndjson", &person, &[]);
    folder.users(&["grant-admin", "bob@example.com"]);
    {
        let stage = folder.system();
        // Neither the count nor the imported user has the attributes of later releases.
        count_as_before(&stage, 3);
        let bob = stage.get("/v1/users?email_prefix=bob", &admin.access).await.expect(200).body;
        let update = json!({
            "TableName": "Identities",
            "Key": {"pk": {"S": format!("USER#{}", stage::id(&bob["items"][0]))}, "sk": {"S": "USER"}},
            "UpdateExpression": "REMOVE no_password",
        });
        stage.stack.dynamodb("UpdateItem", &update).expect("an update");
    }

    let (code, found) = counted(&folder, &[]);
    let shown = (&found["administrators"], &found["administrators_counted"]);
    assert_eq!((code, shown), (Some(3), (&json!(1), &json!(3))), "{found}");
    let (code, repaired) = counted(&folder, &["--repair"]);
    assert_eq!((code, &repaired["administrators"]), (Some(0), &json!(1)), "{repaired}");

    let (code, right) = counted(&folder, &[]);
    let shown = (&right["administrators"], &right["administrators_counted"]);
    assert_eq!((code, shown), (Some(0), (&json!(1), &json!(1))), "{right}");
    let stage = folder.system();
    let refused = stage.delete_account(&admin.access).await.expect(409);
    assert_eq!(refused.problem(), "last-administrator");
}

#[tokio::test]
async fn an_imported_administrator_counts_once_a_password_is_chosen() {
    let folder = Folder::new();
    let person = json!({"email": "bob@example.com", "email_verified": true}).to_string() + "\n";
    folder.import("people.ndjson", &person, &[]);
    folder.users(&["grant-admin", "bob@example.com"]);
    let stage = folder.system();
    let admin = stage.administrator("ada@example.com").await;
    stage.delete_account(&admin.access).await.expect(409);

    let link = stage.reset_link("bob@example.com").await;
    stage.reset(&link, stage::PASSWORD).await.expect(204);

    stage.delete_account(&admin.access).await.expect(204);
}
