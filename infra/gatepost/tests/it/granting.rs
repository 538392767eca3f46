//! `gatepost users grant-admin`: how there comes to be an administrator.

use serde_json::json;
use stage::Tokens;

use crate::moved::Folder;

const EMAIL: &str = "ada@example.com";

#[tokio::test]
async fn an_operator_makes_the_first_administrator_from_the_next_refresh() {
    let folder = Folder::new();
    let (subject, tokens) = {
        let stage = folder.system();
        let id = stage.registered(EMAIL).await["id"].as_str().expect("an id").to_owned();
        (format!("user#{id}"), Tokens::of(&stage.log_in(EMAIL).await.expect(201).body))
    };

    let said = folder.users(&["grant-admin", " Ada@Example.com "]);

    assert_eq!(said.code, Some(0), "{}", said.complaint);
    assert!(
        said.text.ends_with(" is now an administrator; tokens say so from the next refresh on\n"),
        "{}",
        said.text
    );
    let stage = folder.system();
    stage.get("/v1/roles", &tokens.access).await.expect(403);
    let refreshed = Tokens::of(&stage.refresh(&tokens.refresh).await.expect(200).body);
    stage.get("/v1/roles", &refreshed.access).await.expect(200);
    assert_eq!(stage.get("/v1/me", &refreshed.access).await.expect(200).body["roles"], json!(["admin"]));
    assert_eq!(stage.events_of(&subject).await.last().map(String::as_str), Some("user.role-granted"));
    let detail = stage.stack.events().pop().expect("an event").detail;
    assert_eq!((&detail["actor"], &detail["data"]), (&json!("operator"), &json!({"role": "admin"})));
}

#[tokio::test]
async fn administrators_stay_administrators_and_other_users_do_not_become_ones() {
    let folder = Folder::new();
    folder.system().registered(EMAIL).await;
    folder.users(&["grant-admin", EMAIL]);

    let again = folder.users(&["grant-admin", EMAIL, "--json"]);
    let nobody = folder.users(&["grant-admin", "eve@example.com"]);
    let no_address = folder.users(&["grant-admin", "eve"]);

    assert_eq!(again.code, Some(0), "{}", again.complaint);
    assert!(again.text.contains("\"granted\":false"), "{}", again.text);
    assert_eq!((nobody.code, no_address.code), (Some(1), Some(1)));
    assert!(nobody.complaint.contains("no user has this address"), "{}", nobody.complaint);
    assert!(no_address.complaint.contains("eve is not an e-mail address"), "{}", no_address.complaint);
}

#[tokio::test]
async fn a_file_cannot_create_administrators() {
    let folder = Folder::new();
    let line =
        json!({"email": EMAIL, "email_verified": true, "roles": ["admin", "editor"]}).to_string() + "\n";

    let said = folder.import("people.ndjson", &line, &[]);

    assert_eq!(said.code, Some(0), "{}", said.complaint);
    assert!(said.text.contains("the role admin of 1 users is left out"), "{}", said.text);
    folder.users(&["export", "all.ndjson"]);
    assert!(folder.read("all.ndjson").contains(r#""roles":["editor"]"#), "{}", folder.read("all.ndjson"));
}
