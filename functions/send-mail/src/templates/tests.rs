use std::{sync::LazyLock, time::Duration};

use domain::{Name, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::digest::Figures;

const LINK: &str = "https://app.example.com/verify#token=gpl_abc";

fn templates() -> Templates {
    Templates::read(None).expect("those of this build")
}

const MOMENT: Timestamp = Timestamp::from_millis(1_795_230_000_000);

static FIGURES: LazyLock<Figures> = LazyLock::new(|| Figures::sample(MOMENT));

fn content(letter: Letter, name: Option<&Name>) -> Content<'_> {
    let matter = match letter {
        Letter::Digest => Matter::Figures(&FIGURES),
        Letter::TokenReused => Matter::Reuse { at: MOMENT, device: Some("Firefox, Windows") },
        _ if letter.has_link() => Matter::Link { url: LINK, lifetime: Duration::from_hours(24) },
        _ => Matter::Moment(MOMENT),
    };
    Content { name, matter }
}

fn mail(letter: Letter, locale: &str, service: &str, name: &str) -> Mail {
    let (locale, name) = (Locale::parse(locale).ok(), Name::parse(name).ok());
    templates().write(letter, locale.as_ref(), service, content(letter, name.as_ref()))
}

fn subject_for(locale: &str) -> String {
    mail(Letter::PasswordChanged, locale, "X", "").subject
}

#[test]
fn the_files_below_the_folder_are_those_of_this_build() {
    let mut files = Files::new();
    read_folder(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/mail")), "", &mut files).expect("files");

    let of_build = OF_THIS_BUILD.iter().map(|(path, text)| ((*path).to_owned(), Cow::Borrowed(*text)));
    assert_eq!(files, of_build.collect());
}

#[test]
fn the_letters_are_in_the_order_of_the_enum() {
    assert_eq!(
        Letter::ALL.map(|letter| letter as usize),
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    );
}

#[test]
fn every_letter_in_every_language_contains_all_of_its_values() {
    for letter in Letter::ALL {
        for locale in templates().locales() {
            let mail = mail(letter, locale, "Tom & Jerry's", "Ada");

            assert!(mail.subject.contains("Tom & Jerry's"), "{letter:?} {locale}: {}", mail.subject);
            let said = match letter {
                Letter::Digest => ["1204 (+12)", "rotate-keys"],
                Letter::TokenReused => ["Firefox, Windows", "03:00"],
                _ if letter.has_link() => [LINK, "24 "],
                _ => ["2026", "03:00"],
            };
            for part in ["Ada,", "Tom & Jerry's", said[0], said[1]] {
                assert!(mail.text.contains(part), "{letter:?} {locale} lacks {part}");
            }
            for part in ["Ada,", "Tom &amp; Jerry&#39;s", said[0], said[1], &format!("lang=\"{locale}\"")] {
                assert!(mail.html.contains(part), "{letter:?} {locale} lacks {part}");
            }
            assert!(!format!("{}{}{}", mail.subject, mail.text, mail.html).contains("{{"));
        }
    }
}

#[test]
fn no_html_loads_external_resources() {
    for letter in Letter::ALL {
        for locale in templates().locales() {
            let html = mail(letter, locale, "X", "").html.replace(LINK, "");
            for asking in ["http", "src=", "url(", "@import", "<script", "<link", "<img"] {
                assert!(!html.contains(asking), "{letter:?} {locale}: {asking}");
            }
        }
    }
}

#[test]
fn a_reader_gets_the_nearest_available_language() {
    let (english, german) = (subject_for("en"), subject_for("de"));
    assert_ne!(english, german);
    for (locale, subject) in
        [("de-AT", &german), ("de-Latn-CH", &german), ("en-GB", &english), ("fr", &english)]
    {
        assert_eq!(&subject_for(locale), subject, "{locale}");
    }
    let letter = Letter::PasswordChanged;
    assert_eq!(templates().write(letter, None, "X", content(letter, None)).subject, english);
}

/// A temporary folder with files.
struct Scratch(PathBuf);

impl Scratch {
    fn with(files: &[(&str, &str)]) -> Self {
        static FOLDERS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let folder = std::env::temp_dir().join(format!("gatepost-mail-{}-{number}", std::process::id()));
        for (path, text) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        Self(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn an_owners_file_replaces_the_built_in_one() {
    let own = "Subject: Welcome to {{service}}\r\n\r\n{{greeting}} here you are: {{link}}\r\n";
    let folder = Scratch::with(&[("en/verify-registration.txt", own), (".DS_Store", "x")]);

    let templates = Templates::read(Some(&folder.0)).expect("templates");

    let letter = Letter::VerifyRegistration;
    let mail = templates.write(letter, None, "X", content(letter, None));
    assert_eq!(mail.subject, "Welcome to X");
    assert_eq!(mail.text, format!("Hello, here you are: {LINK}\n"));
    assert!(mail.html.contains("Confirm this address"), "the other files stay");
}

#[test]
fn an_owners_language_is_used_for_its_readers() {
    let english = OF_THIS_BUILD.iter().filter_map(|(path, text)| Some((path.strip_prefix("en/")?, *text)));
    let french: Vec<_> =
        english.map(|(name, text)| (format!("fr/{name}"), text.replace("Hello", "Bonjour"))).collect();
    let french: Vec<_> = french.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let folder = Scratch::with(&french);

    let templates = Templates::read(Some(&folder.0)).expect("templates");

    let letter = Letter::EmailChanged;
    let canadian = Locale::parse("fr-CA").expect("a tag");
    let mail = templates.write(letter, Some(&canadian), "X", content(letter, None));
    assert!(mail.text.starts_with("Bonjour,"), "{}", mail.text);
}

#[test]
fn a_defect_of_an_owners_files_is_reported_in_one_sentence() {
    let cases = [
        ("en/verify-registraton.txt", "", "en/verify-registraton.txt is not a file of a mail template"),
        ("en_US/words.txt", "", "en_US/words.txt is not a file"),
        ("readme.md", "", "readme.md is not a file"),
        ("fr/words.txt", include_str!("../../mail/en/words.txt"), "fr/verify-registration.txt is missing"),
        ("en/reset-password.html", "{{greeting}}", "en/reset-password.html lacks the placeholder {{link}}"),
        (
            "de/password-reset.txt",
            "Subject: X\n\n{{link}}",
            "de/password-reset.txt has an unknown placeholder {{link}}",
        ),
        (
            "en/reset-password.txt",
            "{{link}}",
            "en/reset-password.txt does not begin with a line `Subject: …`",
        ),
        (
            "en/reset-password.txt",
            "Subject: {{greeting}}\n\n{{link}}",
            "has an unknown placeholder {{greeting}}",
        ),
        ("layout.html", "<p>", "layout.html lacks the placeholder {{content}}"),
        ("en/words.txt", "greeting: Hi,", "en/words.txt lacks a line `greeting-by-name: …`"),
    ];
    for (path, text, said) in cases {
        let folder = Scratch::with(&[(path, text)]);
        let error = Templates::read(Some(&folder.0)).expect_err("refused").to_string();
        assert!(error.contains(said) && !error.contains('\n'), "{path}: {error}");
    }
    let nowhere = Templates::read(Some(Path::new("/nowhere"))).expect_err("refused").to_string();
    assert!(nowhere.starts_with("cannot read /nowhere"), "{nowhere}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn values_add_no_markup_and_are_not_filled_again(service in "[^\\x00-\\x1F\\x7F]{1,100}", name in ".{0,50}") {
        for letter in Letter::ALL {
            for locale in templates().locales() {
                let (plain, hostile) = (mail(letter, locale, "X", ""), mail(letter, locale, &service, &name));

                let markup = |html: &str| html.matches(['<', '>', '"', '\'']).count();
                prop_assert_eq!(markup(&hostile.html), markup(&plain.html));
                prop_assert_eq!(hostile.html.matches(LINK).count(), plain.html.matches(LINK).count());
                prop_assert!(hostile.text.contains(&service));
                prop_assert!(!hostile.subject.contains('\n'));
            }
        }
    }
}
