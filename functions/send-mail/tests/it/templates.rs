//! Languages, and templates of the owner.

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
async fn users_get_mails_in_their_language_if_it_is_available() {
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
async fn an_owners_templates_replace_the_built_in_ones() {
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
async fn unusable_templates_are_refused_at_the_start() {
    assert!(!Path::new("/nowhere").exists());
    let setup = Stack::memory().with_setting("send-mail", "MAIL_TEMPLATES", "/nowhere");
    let error = setup.start().expect("a stack").warm().await.expect_err("refused").to_string();
    assert!(error.contains("the setting MAIL_TEMPLATES is not usable: cannot read /nowhere"), "{error}");
}
