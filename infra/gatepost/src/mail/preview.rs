//! `gatepost mail preview`: every letter in every language, as files for a browser.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgMatches, Command, value_parser};
use cloud::Clock;
use domain::Name;
use send_mail::{Sample, Templates};

use super::MailError;
use crate::console::say;

const HEAD: &str = "<!doctype html>\n<meta charset=\"utf-8\"><title>Mails</title>\n\
    <style>body{font:1rem/1.5 system-ui,sans-serif;margin:2rem}section{display:flex;flex-wrap:wrap;gap:1rem}\
    iframe{border:1px solid #8888;height:36rem}pre{white-space:pre-wrap;max-width:40rem}</style>\n";

pub(crate) fn command() -> Command {
    let value = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let folder = |name, help| value(name, "DIR", help).value_parser(value_parser!(PathBuf));
    Command::new("preview")
        .about("Write every mail with sample values into a folder, with an index.html to look at them")
        .arg(folder("out", "The folder").default_value("mail-preview"))
        .arg(folder("templates", "Use the templates in this folder instead of Gatepost's"))
        .arg(value("locale", "TAG", "Write only this language"))
        .arg(value("service", "NAME", "The name of the service").default_value("Gatepost"))
        .arg(value("name", "NAME", "The first name of the recipient").default_value("Ada"))
        .after_help("Exit codes: 0 written, 1 could not be done (one sentence says why), 2 wrong usage.")
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<(), MailError> {
    let text = |name: &str| arguments.get_one::<String>(name).cloned().unwrap_or_default();
    let folder = |name: &str| arguments.get_one::<PathBuf>(name);
    let templates = Templates::read(folder("templates").map(PathBuf::as_path))?;
    let name = Name::parse(&text("name")).map_err(|_| MailError::NoName(text("name")))?;
    let mut samples = templates.samples(&text("service"), Some(&name), Clock::system().now());
    if let Some(locale) = arguments.get_one::<String>("locale") {
        samples.retain(|sample| sample.locale.as_str() == locale);
        if samples.is_empty() {
            let known: Vec<_> = templates.locales().collect();
            return Err(MailError::NoLocale(locale.clone(), known.join(", ")));
        }
    }
    let out = folder("out").cloned().unwrap_or_default();
    let mut index = HEAD.to_owned();
    for sample in &samples {
        write(&out, sample)?;
        show(&mut index, sample);
    }
    write_file(&out.join("index.html"), &index)?;
    say(&format!("{} mails: open {}", samples.len(), out.join("index.html").display()));
    Ok(())
}

fn write(out: &Path, sample: &Sample) -> Result<(), MailError> {
    let path = |extension: &str| out.join(format!("{}.{extension}", file(sample)));
    write_file(&path("html"), &sample.mail.html)?;
    write_file(&path("txt"), &format!("Subject: {}\n\n{}", sample.mail.subject, sample.mail.text))
}

fn file(sample: &Sample) -> String {
    format!("{}/{}", sample.locale.as_str(), sample.letter.name())
}

/// As wide as a phone, as wide as a desk, and as text.
fn show(index: &mut String, sample: &Sample) {
    let file = file(sample);
    let _ = write!(
        index,
        "<h2>{file}</h2>\n<section><iframe src=\"{file}.html\" width=\"360\"></iframe>\
         <iframe src=\"{file}.html\" width=\"720\"></iframe>\
         <iframe src=\"{file}.txt\" width=\"640\"></iframe></section>\n",
    );
}

fn write_file(path: &Path, text: &str) -> Result<(), MailError> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder.and_then(|()| fs::write(path, text)).map_err(|error| MailError::Unwritable(path.to_owned(), error))
}
