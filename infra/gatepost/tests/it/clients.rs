//! `gatepost clients`: the applications that users sign in to.

use serde_json::{Value, json};

use crate::{moved::Folder, operated::Said};

const URI: &str = "https://shop.example/cb";

/// Runs a command that must succeed, and returns its JSON.
fn document(folder: &Folder, arguments: &[&str]) -> Value {
    let said = folder.clients(&[arguments, &["--json"]].concat());
    assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.complaint);
    serde_json::from_str(&said.text).expect("JSON")
}

fn complaint(said: &Said) -> &str {
    assert_eq!(said.code, Some(1), "{}", said.text);
    &said.complaint
}

#[test]
fn a_client_is_created_shown_changed_and_deleted() {
    let folder = Folder::new();
    let created = document(&folder, &["create", "shop", "--name", "The shop", "--redirect-uri", URI]);
    let secret = created["client_secret"].as_str().expect("a secret");
    assert!(secret.starts_with("gpk_") && secret.len() == 47, "{secret}");
    let shown = folder.clients(&["show", "shop"]);
    assert!(shown.text.contains(URI) && !shown.text.contains(secret), "{}", shown.text);

    let scope = document(&folder, &["update", "shop", "--scope", "openid orders:read"]);
    let renamed = document(&folder, &["update", "shop", "--name", "Shop"]);
    assert_eq!(scope["client"]["scope"], "openid orders:read");
    // An update keeps what it does not name.
    assert_eq!(renamed["client"]["scope"], "openid orders:read");
    assert_eq!(renamed["client"]["redirect_uris"], json!([URI]));

    document(&folder, &["delete", "shop", "--yes"]);
    assert_eq!(document(&folder, &["list"])["clients"], json!([]));
    assert!(complaint(&folder.clients(&["show", "shop"])).contains("found no client shop"));
    let again = folder.clients(&["create", "shop", "--redirect-uri", URI]);
    assert!(complaint(&again).contains("the id shop is taken"), "{}", again.complaint);
    let waiting = folder.waiting().text;
    for (number, kind) in (1..).zip(["client.created", "client.updated", "client.updated", "client.deleted"])
    {
        let line = waiting.lines().find(|line| line.starts_with(&format!("client#shop {number} ")));
        assert!(line.is_some_and(|line| line.ends_with(kind)), "{waiting}");
    }
}

#[test]
fn secrets_overlap_while_they_are_replaced() {
    let folder = Folder::new();
    let created = document(&folder, &["create", "shop", "--redirect-uri", URI]);
    let first = created["client"]["secrets"][0]["secret_id"].as_str().expect("an id").to_owned();
    assert!(complaint(&folder.clients(&["remove-secret", "shop", &first])).contains("no other one"));

    let added = document(&folder, &["add-secret", "shop"]);
    assert_ne!(added["client_secret"], created["client_secret"]);
    assert!(complaint(&folder.clients(&["add-secret", "shop"])).contains("two secrets"));
    let left = document(&folder, &["remove-secret", "shop", &first]);

    assert_eq!(left["client"]["secrets"].as_array().map(Vec::len), Some(1));
}

#[test]
fn o3_a_client_that_contradicts_itself_is_refused() {
    let folder = Folder::new();
    for (arguments, expected) in [
        (vec!["create", "shop"], "needs at least one redirect URI"),
        (vec!["create", "shop", "--redirect-uri", "http://shop.example/cb"], "must be an `https` URL"),
        (vec!["create", "shop", "--redirect-uri", "JavaScript:alert(1)//a.b"], "must be an `https` URL"),
        (vec!["create", "shop", "--redirect-uri", "https://*.example/cb"], "must be an `https` URL"),
        (vec!["create", "Shop", "--redirect-uri", URI], "the id must be 3 to 64"),
        (vec!["create", "shop", "--redirect-uri", URI, "--scope", "a  b"], "the scope must be scope tokens"),
        (vec!["create", "shop", "--redirect-uri", URI, "--scope", "account"], "can have `account` only if"),
        (vec!["create", "shop", "--kind", "service", "--authentication", "none"], "must not be `none`"),
        (
            vec!["create", "shop", "--redirect-uri", URI, "--authentication", "none", "--no-pkce"],
            "must be true for a public client",
        ),
    ] {
        let said = folder.clients(&arguments);
        assert!(complaint(&said).contains(expected), "{arguments:?}: {}", said.complaint);
    }
    let dry = document(&folder, &["create", "shop", "--redirect-uri", URI, "--dry-run"]);
    assert_eq!((&dry["client_secret"], &dry["dry_run"]), (&Value::Null, &json!(true)));
    assert_eq!(document(&folder, &["list"])["clients"], json!([]));
}
