//! The content of the indexes.

use std::time::Duration;

use stage::Stage;
use store::Identities;

use crate::{ADMIN, leave, registered};

/// Returns every item of an index as text.
async fn held(stage: &Stage, index: &str) -> Vec<String> {
    let identities = Identities::new(&stage.stack.cloud("list-users").expect("a cloud")).expect("a table");
    let scan = identities.client().scan().table_name("Identities").index_name(index);
    let items = scan.send().await.expect("an answer").items.unwrap_or_default();
    items.iter().map(|item| format!("{item:?}")).collect()
}

#[tokio::test]
async fn the_indexes_contain_only_keys_of_existing_users() {
    let stage = Stage::new();
    stage.administrator(ADMIN).await;
    registered(&stage, &["ada@example.com"]).await;
    stage.register("bob@example.com").await.expect(202);
    // The role of the administrator has an item as well.
    for (index, items) in [("users_by_creation", 3), ("users_by_email", 2)] {
        let held = held(&stage, index).await;
        assert_eq!(held.len(), items, "{index}: {held:?}");
        assert!(!held.iter().any(|item| item.contains("first_name") || item.contains("bob")), "{held:?}");
    }
    assert!(held(&stage, "users_by_email").await.iter().any(|item| item.contains("ada@example.com")));

    leave(&stage, "ada@example.com").await;
    stage.pass(Duration::from_hours(7 * 24 + 1));
    stage.stack.run_schedule("erase-users").await.expect("a run");

    for (index, items) in [("users_by_creation", 2), ("users_by_email", 1)] {
        let held = held(&stage, index).await;
        assert_eq!(held.len(), items, "{index}: {held:?}");
        assert!(!held.iter().any(|item| item.contains("ada@example.com")), "{held:?}");
    }
}
