//! `gatepost mail`: previews and suppressions, and `gatepost dev` with mails in a folder.

use std::{fs, process::Command, time::Duration};

use serde_json::{Value, json};

use crate::{
    operated::{Folder, Said},
    process::{Running, Scratch, dev, refused, register},
};

fn run(folder: &Scratch, arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    let output = command.current_dir(folder.path()).arg("mail").args(arguments).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said { code: output.status.code(), text: text(output.stdout), complaint: text(output.stderr) }
}

fn suppressions(folder: &Folder, arguments: &[&str]) -> (Value, Option<i32>) {
    let said = run(&folder.0, &[&["suppressions"], arguments, &["--data", "data", "--json"]].concat());
    (serde_json::from_str(&said.text).unwrap_or_else(|_| panic!("{}", said.complaint)), said.code)
}

#[test]
fn every_letter_is_rendered_in_every_language() {
    let folder = Scratch::new();

    let said = run(&folder, &["preview", "--service", "Tom & Jerry", "--name", "Zoë"]);

    assert_eq!((said.text.trim(), said.code), ("32 mails: open mail-preview/index.html", Some(0)));
    let read = |path: &str| fs::read_to_string(folder.path().join("mail-preview").join(path)).expect(path);
    let index = read("index.html");
    for locale in ["en", "de"] {
        for letter in [
            "verify-registration",
            "reset-password",
            "verify-email-change",
            "email-change-requested",
            "email-changed",
            "password-changed",
            "password-reset",
            "deletion-requested",
            "account-closing",
            "account-deleted",
            "account-exists",
            "account-suspended",
            "account-reactivated",
            "invitation",
            "token-reused",
            "digest",
        ] {
            let (html, text) =
                (read(&format!("{locale}/{letter}.html")), read(&format!("{locale}/{letter}.txt")));
            // Operators are greeted without a name.
            assert_eq!(html.contains("Zoë,"), letter != "digest", "{locale} {letter}");
            assert!(html.contains("Tom &amp; Jerry"), "{locale} {letter}");
            assert!(text.starts_with("Subject: ") && text.contains("Tom & Jerry"), "{locale} {letter}");
            assert!(index.contains(&format!("{locale}/{letter}.html")));
        }
    }
}

#[test]
fn a_preview_uses_own_templates_and_one_language_or_reports_defects() {
    let folder = Scratch::new();
    fs::create_dir_all(folder.path().join("own/de")).expect("made");
    let own = "Subject: Neu bei {{service}}\n\n{{link}}\n";
    fs::write(folder.path().join("own/de/reset-password.txt"), own).expect("written");
    let said = run(&folder, &["preview", "--templates", "own", "--locale", "de", "--out", "out"]);
    assert_eq!((said.text.trim(), said.code), ("16 mails: open out/index.html", Some(0)));
    let text = fs::read_to_string(folder.path().join("out/de/reset-password.txt")).expect("a preview");
    assert!(text.starts_with("Subject: Neu bei Gatepost\n"), "{text}");

    fs::write(folder.path().join("own/de/reset-password.txt"), "Subject: {{who}}\n\n{{link}}")
        .expect("written");
    let cases: [(&[&str], &str); 3] = [
        (&["--templates", "own"], "de/reset-password.txt has an unknown placeholder {{who}}"),
        (&["--templates", "nowhere"], "cannot read nowhere"),
        (&["--locale", "fr"], "unknown language fr: choose one of en, de"),
    ];
    for (arguments, sentence) in cases {
        let said = run(&folder, &[&["preview"], arguments].concat());
        assert_eq!((said.code, said.complaint.lines().count()), (Some(1), 1), "{}", said.complaint);
        assert!(said.complaint.contains(sentence), "{}", said.complaint);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suppressed_addresses_are_listed_found_and_removed() {
    let folder = Folder::new();
    let gone = "bounce+ada@simulator.amazonses.com";
    {
        let system = folder.system(Duration::from_hours(1));
        system.0.register(gone).await.expect(202);
        system.0.register("bob@example.com").await.expect(202);
        system.0.settle().await;
    }

    let (listed, code) = suppressions(&folder, &["list"]);
    assert_eq!((listed["suppressions"].as_array().map(Vec::len), code), (Some(1), Some(0)), "{listed}");
    assert!(!listed.to_string().contains("simulator"), "hashes only: {listed}");
    let (found, code) = suppressions(&folder, &["check", &gone.to_uppercase()]);
    assert_eq!((&found["suppression"], code), (&listed["suppressions"][0], Some(3)));
    assert_eq!(found["suppression"]["reason"], "bounce");
    assert_eq!(
        suppressions(&folder, &["check", "bob@example.com"]),
        (json!({"suppression": null, "dry_run": false}), Some(0))
    );

    assert_eq!(
        suppressions(&folder, &["remove", gone]),
        (json!({"removed": true, "dry_run": false}), Some(0))
    );
    assert_eq!(
        suppressions(&folder, &["remove", gone]),
        (json!({"removed": false, "dry_run": false}), Some(3))
    );
    assert_eq!(suppressions(&folder, &["list"]).0["suppressions"], json!([]));

    let said = run(&folder.0, &["suppressions", "check", "nobody", "--data", "data"]);
    assert_eq!((said.complaint.trim(), said.code), ("gatepost: nobody is not an e-mail address", Some(1)));
}

#[test]
fn dev_writes_mails_to_a_folder_with_own_templates() {
    let folder = Scratch::new();
    let own = folder.path().join("own/en");
    fs::create_dir_all(&own).expect("made");
    fs::write(own.join("verify-registration.txt"), "Subject: Hello from {{service}}\n\n{{link}}\n")
        .expect("written");
    let arguments = ["--memory", "--port", "0", "--mail-folder", "mails", "--mail-templates", "own"];
    let running = Running::start(dev(&folder, &arguments));
    assert_eq!(register(&running.address, "ada@example.com"), Some(202));
    let mail = (0..1500).find_map(|_| {
        let files = fs::read_dir(folder.path().join("mails")).into_iter().flatten();
        let mut mails = files.map(|file| file.expect("a file").path());
        let found = mails.find(|path| path.extension().is_some_and(|extension| extension == "eml"));
        if found.is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        found
    });
    let mail = fs::read_to_string(mail.expect("a mail within half a minute")).expect("text");
    drop(running);
    assert!(mail.contains("Subject: Hello from Gatepost") && mail.contains("To: ada@example.com"), "{mail}");

    fs::write(own.join("verify-registraton.txt"), "").expect("written");
    let output = refused(dev(&folder, &arguments));
    let sentence = String::from_utf8_lossy(&output.stderr);
    assert!(sentence.contains("en/verify-registraton.txt is not a file of a mail template"), "{sentence}");
}
