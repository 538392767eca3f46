//! All templates: those of this build, with the owner's files in place of theirs.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use domain::Locale;
use thiserror::Error;

use crate::{
    digest::NOTHING,
    letter::{Content, Letter, Matter},
    template::{Template, TemplateFault, escape},
    words::Words,
};

/// The language of readers whose own language is not available.
const FALLBACK: &str = "en";
const LAYOUT: &str = "layout.html";
const WORDS: &str = "words.txt";

macro_rules! of_this_build {
    ($($file:literal)*) => { &[$(($file, include_str!(concat!("../mail/", $file)))),*] };
}

/// The files below `mail/`.
const OF_THIS_BUILD: &[(&str, &str)] = of_this_build!(
    "layout.html"
    "en/words.txt"
    "en/verify-registration.txt" "en/verify-registration.html"
    "en/reset-password.txt" "en/reset-password.html"
    "en/invitation.txt" "en/invitation.html"
    "en/verify-email-change.txt" "en/verify-email-change.html"
    "en/email-change-requested.txt" "en/email-change-requested.html"
    "en/email-changed.txt" "en/email-changed.html"
    "en/password-changed.txt" "en/password-changed.html"
    "en/password-reset.txt" "en/password-reset.html"
    "en/deletion-requested.txt" "en/deletion-requested.html"
    "en/account-suspended.txt" "en/account-suspended.html"
    "en/account-reactivated.txt" "en/account-reactivated.html"
    "en/account-deleted.txt" "en/account-deleted.html"
    "en/account-exists.txt" "en/account-exists.html"
    "en/account-closing.txt" "en/account-closing.html"
    "en/token-reused.txt" "en/token-reused.html"
    "en/digest.txt" "en/digest.html"
    "de/words.txt"
    "de/verify-registration.txt" "de/verify-registration.html"
    "de/reset-password.txt" "de/reset-password.html"
    "de/invitation.txt" "de/invitation.html"
    "de/verify-email-change.txt" "de/verify-email-change.html"
    "de/email-change-requested.txt" "de/email-change-requested.html"
    "de/email-changed.txt" "de/email-changed.html"
    "de/password-changed.txt" "de/password-changed.html"
    "de/password-reset.txt" "de/password-reset.html"
    "de/deletion-requested.txt" "de/deletion-requested.html"
    "de/account-suspended.txt" "de/account-suspended.html"
    "de/account-reactivated.txt" "de/account-reactivated.html"
    "de/account-deleted.txt" "de/account-deleted.html"
    "de/account-exists.txt" "de/account-exists.html"
    "de/account-closing.txt" "de/account-closing.html"
    "de/token-reused.txt" "de/token-reused.html"
    "de/digest.txt" "de/digest.html"
);

/// All letters in all languages.
#[derive(Debug)]
pub struct Templates {
    layout: Template,
    editions: BTreeMap<String, Edition>,
    /// The edition in [`FALLBACK`].
    fallback: Edition,
}

/// A defect of the templates.
#[derive(Debug, Error)]
pub enum TemplatesError {
    /// The folder or the file cannot be read.
    #[error("cannot read {folder}: {1}", folder = .0.display())]
    Unreadable(PathBuf, io::Error),
    /// The file belongs to no letter, for example because of a typo.
    #[error("{0} is not a file of a mail template")]
    Unknown(String),
    /// The language is incomplete.
    #[error("{0} is missing: each language needs all letters")]
    Missing(String),
    /// The file is malformed.
    #[error("{0} {1}")]
    Faulty(String, TemplateFault),
}

/// One language.
#[derive(Debug)]
struct Edition {
    locale: String,
    words: Words,
    /// In the order of [`Letter::ALL`], which is that of the enum.
    letters: Vec<Sheet>,
}

/// One letter in one language.
#[derive(Debug)]
struct Sheet {
    subject: Template,
    text: Template,
    html: Template,
}

/// A mail, ready to be sent. It may have a link, so it must not be logged.
pub struct Mail {
    /// The subject, which contains no text from users.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML version.
    pub html: String,
}

/// The files by their path below the folder.
type Files<'a> = BTreeMap<String, Cow<'a, str>>;

impl Templates {
    /// Reads the templates of this build, with the files below `folder` in place of theirs.
    ///
    /// # Errors
    /// [`TemplatesError`], if a file is unknown, missing, or has a fault.
    pub fn read(folder: Option<&Path>) -> Result<Self, TemplatesError> {
        let of_build = OF_THIS_BUILD.iter().map(|(path, text)| ((*path).to_owned(), Cow::Borrowed(*text)));
        let mut files: Files<'_> = of_build.collect();
        if let Some(folder) = folder {
            read_folder(folder, "", &mut files)?;
        }
        Self::parse(&files)
    }

    fn parse(files: &Files<'_>) -> Result<Self, TemplatesError> {
        let mut editions = BTreeMap::new();
        for path in files.keys().filter(|path| *path != LAYOUT) {
            let locale = locale_of(path).ok_or_else(|| TemplatesError::Unknown(path.clone()))?;
            if !editions.contains_key(locale) {
                editions.insert(locale.to_owned(), Edition::parse(locale, files)?);
            }
        }
        let fallback = editions.remove(FALLBACK);
        let layout = file(files, LAYOUT)?;
        let layout = Template::parse(layout, &["locale", "subject", "service", "content"], &["content"]);
        Ok(Self {
            layout: layout.map_err(|fault| TemplatesError::Faulty(LAYOUT.to_owned(), fault))?,
            editions,
            fallback: fallback.ok_or_else(|| TemplatesError::Missing(format!("{FALLBACK}/{WORDS}")))?,
        })
    }

    /// Returns the available languages.
    pub fn locales(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.fallback.locale.as_str()).chain(self.editions.keys().map(String::as_str))
    }

    /// Writes a letter in the reader's language. If it is not available, the last part of the language tag is
    /// dropped, and so on (RFC 4647, section 3.4), down to the fallback.
    pub(crate) fn write(
        &self,
        letter: Letter,
        locale: Option<&Locale>,
        service: &str,
        content: Content<'_>,
    ) -> Mail {
        let edition = locale.and_then(|locale| self.edition(locale.as_str())).unwrap_or(&self.fallback);
        let sheet = &edition.letters[letter as usize];
        let values = edition.values(service, content);
        let escaped: Vec<_> = values.iter().map(|(place, value)| (*place, escape(value))).collect();
        let subject = sheet.subject.fill(&values);
        let html = [
            ("locale", escape(&edition.locale)),
            ("subject", escape(&subject)),
            ("service", escape(service)),
            ("content", Cow::Owned(sheet.html.fill(&escaped))),
        ];
        Mail { html: self.layout.fill(&html), text: sheet.text.fill(&values), subject }
    }

    fn edition(&self, tag: &str) -> Option<&Edition> {
        let mut tags = std::iter::successors(Some(tag), |tag| Some(tag.rsplit_once('-')?.0));
        tags.find_map(|tag| {
            let is_fallback = tag == self.fallback.locale;
            if is_fallback { Some(&self.fallback) } else { self.editions.get(tag) }
        })
    }
}

impl Edition {
    fn parse(locale: &str, files: &Files<'_>) -> Result<Self, TemplatesError> {
        let words = format!("{locale}/{WORDS}");
        let parsed = Words::parse(file(files, &words)?);
        let letters = Letter::ALL.map(|letter| Sheet::parse(locale, letter, files));
        Ok(Self {
            locale: locale.to_owned(),
            words: parsed.map_err(|fault| TemplatesError::Faulty(words, fault))?,
            letters: letters.into_iter().collect::<Result<_, TemplatesError>>()?,
        })
    }

    fn values<'a>(&self, service: &'a str, content: Content<'a>) -> Vec<(&'static str, Cow<'a, str>)> {
        let greeting = Cow::Owned(self.words.greeting(content.name));
        let mut values = vec![("greeting", greeting), ("service", Cow::Borrowed(service))];
        match content.matter {
            Matter::Link { url, lifetime } => values.extend([
                ("link", Cow::Borrowed(url)),
                ("lifetime", Cow::Owned(self.words.lifetime(lifetime))),
            ]),
            Matter::Reuse { at, device } => values.extend([
                ("when", Cow::Owned(self.words.moment(at))),
                ("device", Cow::Borrowed(device.unwrap_or(NOTHING))),
            ]),
            Matter::Moment(moment) => values.push(("when", Cow::Owned(self.words.moment(moment)))),
            Matter::Figures(figures) => {
                let filled = figures.filled(&self.words).into_iter();
                values.extend(filled.map(|(place, value)| (place, Cow::Owned(value))));
            }
        }
        values
    }
}

impl Sheet {
    fn parse(locale: &str, letter: Letter, files: &Files<'_>) -> Result<Self, TemplatesError> {
        let path = |extension| format!("{locale}/{}.{extension}", letter.name());
        let faulty = |path: &str| {
            let path = path.to_owned();
            move |fault| TemplatesError::Faulty(path, fault)
        };
        let (text, html) = (path("txt"), path("html"));
        let content = file(files, &text)?;
        let (subject, body) = subject(content).ok_or(TemplateFault::NoSubject).map_err(faulty(&text))?;
        let body_of = |content, path: &str| {
            Template::parse(content, letter.places(), letter.needed()).map_err(faulty(path))
        };
        Ok(Self {
            // Anonymous callers can cause mails to other people, so a subject has no text of theirs, such as
            // a name.
            subject: Template::parse(subject, &["service"], &[]).map_err(faulty(&text))?,
            text: body_of(body, &text)?,
            html: body_of(file(files, &html)?.trim_end(), &html)?,
        })
    }
}

/// Splits a file into the subject and the text after it.
fn subject(text: &str) -> Option<(&str, &str)> {
    let (subject, body) = text.strip_prefix("Subject:")?.split_once("\n\n")?;
    let subject = subject.trim();
    (!subject.is_empty() && !subject.contains(char::is_control)).then_some((subject, body))
}

/// Returns the language of a file, if its name is one of a letter or of the words.
fn locale_of(path: &str) -> Option<&str> {
    let (locale, name) = path.split_once('/')?;
    let is_letter = name.rsplit_once('.').is_some_and(|(name, extension)| {
        matches!(extension, "txt" | "html") && Letter::ALL.iter().any(|letter| letter.name() == name)
    });
    let is_tag = Locale::parse(locale).is_ok_and(|tag| tag.as_str() == locale);
    (is_tag && (is_letter || name == WORDS)).then_some(locale)
}

fn file<'a>(files: &'a Files<'_>, path: &str) -> Result<&'a str, TemplatesError> {
    files.get(path).map(AsRef::as_ref).ok_or_else(|| TemplatesError::Missing(path.to_owned()))
}

/// Reads all files below a folder, except hidden ones.
fn read_folder(folder: &Path, prefix: &str, files: &mut Files<'_>) -> Result<(), TemplatesError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |error| TemplatesError::Unreadable(path, error)
    };
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            read_folder(&path, &format!("{prefix}{name}/"), files)?;
        } else {
            let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
            files.insert(format!("{prefix}{name}"), Cow::Owned(text.replace("\r\n", "\n")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
