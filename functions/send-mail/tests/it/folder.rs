//! Mails as files.

use serde_json::json;
use stage::{PASSWORD, Stage};

#[tokio::test]
async fn a_mail_is_a_file_that_mail_programs_can_open() {
    let folder = std::env::temp_dir().join(format!("gatepost-eml-{}", std::process::id()));
    let path = folder.display().to_string();
    let stage = Stage::with(|setup| {
        let setup = setup.with_setting("send-mail", "MAIL_TRANSPORT", "folder");
        setup.with_setting("send-mail", "MAIL_FOLDER", &path).with_parameter("ServiceName", "Müller & Söhne")
    });
    let request = json!({"email": "Ada@Bücher.example", "password": PASSWORD, "first_name": "Ada"});
    stage.post("/v1/registrations", request).await.expect(202);

    stage.settle().await;

    let files: Vec<_> =
        std::fs::read_dir(&folder).expect("a folder").map(|file| file.expect("a file").path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(files[0].extension().and_then(|extension| extension.to_str()), Some("eml"));
    let text = std::fs::read_to_string(&files[0]).expect("text");
    let header =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    assert_eq!(header("To:"), "Ada@xn--bcher-kva.example");
    assert_eq!(header("From:"), "no-reply@gatepost.example");
    assert_eq!(header("Date:"), "Sat, 21 Nov 2026 03:00:00 +0000");
    assert_eq!(header("Auto-Submitted:"), "auto-generated");
    assert!(header("Message-ID:").ends_with("@gatepost.example>"));
    assert!(
        header("Subject:").is_ascii() && header("Subject:").contains("=?utf-8?"),
        "{}",
        header("Subject:")
    );
    for part in ["multipart/alternative", "text/plain; charset=utf-8", "text/html; charset=utf-8"] {
        assert!(text.contains(part), "{part}");
    }
    assert_eq!(stage.stack.mail().len(), 0);
    std::fs::remove_dir_all(&folder).expect("it is ours");
}
