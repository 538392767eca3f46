//! Languages, and templates of an owner's own.

use std::path::Path;

use local::Stack;
use serde_json::json;
use stage::{PASSWORD, Stage};

async fn subject(stage: &Stage, email: &str, locale: &str) -> String {
    let request = json!({"email": email, "password": PASSWORD, "locale": locale});
    stage.post("/v1/registrations", request).await.expect(202);
    stage.settle().await;
    stage.stack.mail().pop().expect("a mail").subject
}

#[tokio::test]
async fn everybody_is_written_to_in_their_own_language_as_far_as_there_is_one() {
    let stage = Stage::new();
    assert_eq!(
        subject(&stage, "a@example.com", "de-AT").await,
        "Bestätigen Sie Ihre E-Mail-Adresse für Gatepost"
    );
    assert_eq!(subject(&stage, "b@example.com", "fr").await, "Confirm your e-mail address for Gatepost");
    let german = &stage.stack.mail()[0];
    assert!(german.text.contains("24 Stunden"), "{}", german.text);
}

#[tokio::test]
async fn an_owners_templates_take_the_place_of_ours() {
    let folder = std::env::temp_dir().join(format!("gatepost-own-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("en")).expect("a folder");
    let own = "Subject: Welcome to {{service}}\n\n{{greeting}} {{link}}\n";
    std::fs::write(folder.join("en/verify-registration.txt"), own).expect("written");

    let templates = folder.display().to_string();
    let stage = Stage::with(|setup| setup.with_setting("send-mail", "MAIL_TEMPLATES", &templates));
    assert_eq!(subject(&stage, "a@example.com", "en").await, "Welcome to Gatepost");

    std::fs::remove_dir_all(&folder).expect("it is ours");
}

#[tokio::test]
async fn templates_that_cannot_be_used_do_not_start() {
    assert!(!Path::new("/nowhere").exists());
    let setup = Stack::memory().with_setting("send-mail", "MAIL_TEMPLATES", "/nowhere");
    let error = setup.start().expect("a stack").warm().await.expect_err("refused").to_string();
    assert!(error.contains("the setting MAIL_TEMPLATES is not usable: /nowhere cannot be read"), "{error}");
}
