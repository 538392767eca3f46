//! `gatepost mail preview`: all letters in all languages, as files for a browser.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use cloud::Clock;
use domain::Name;
use send_mail::{Sample, Templates};

use crate::{cli::ExitCode, console::say, error::CliError};

const HEAD: &str = "<!doctype html>\n<meta charset=\"utf-8\"><title>Mails</title>\n\
    <style>body{font:1rem/1.5 system-ui,sans-serif;margin:2rem}section{display:flex;flex-wrap:wrap;gap:1rem}\
    iframe{border:1px solid #8888;height:36rem}pre{white-space:pre-wrap;max-width:40rem}</style>\n";

#[derive(Args)]
pub(crate) struct Preview {
    /// The folder
    #[arg(long, value_name = "DIR", default_value = "mail-preview")]
    out: PathBuf,
    /// Use the templates in this folder instead of Gatepost's
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// Write only this language
    #[arg(long, value_name = "TAG")]
    locale: Option<String>,
    /// The name of the service
    #[arg(long, value_name = "NAME", default_value = "Gatepost")]
    service: String,
    /// The first name of the recipient
    #[arg(long, value_name = "NAME", default_value = "Ada")]
    name: String,
}

impl Preview {
    pub(crate) fn run(&self) -> Result<ExitCode, CliError> {
        let samples = self.samples()?;
        let mut index = HEAD.to_owned();
        for sample in &samples {
            write(&self.out, sample)?;
            show(&mut index, sample);
        }
        let path = self.out.join("index.html");
        write_file(&path, &index)?;
        say(&format!("{} mails: open {}", samples.len(), path.display()));
        Ok(ExitCode::Done)
    }

    fn samples(&self) -> Result<Vec<Sample>, CliError> {
        let templates = Templates::read(self.templates.as_deref())?;
        let name = Name::parse(&self.name).map_err(|_| CliError::NoName(self.name.clone()))?;
        let mut samples = templates.samples(&self.service, Some(&name), Clock::system().now());
        if let Some(locale) = &self.locale {
            samples.retain(|sample| sample.locale.as_str() == locale);
            if samples.is_empty() {
                let known: Vec<_> = templates.locales().collect();
                return Err(CliError::NoLocale(locale.clone(), known.join(", ")));
            }
        }
        Ok(samples)
    }
}

fn write(out: &Path, sample: &Sample) -> Result<(), CliError> {
    let path = |extension: &str| out.join(format!("{}.{extension}", file(sample)));
    write_file(&path("html"), &sample.mail.html)?;
    write_file(&path("txt"), &format!("Subject: {}\n\n{}", sample.mail.subject, sample.mail.text))
}

fn file(sample: &Sample) -> String {
    format!("{}/{}", sample.locale.as_str(), sample.letter.name())
}

/// Shows a mail in the width of a phone, in the width of a desktop, and as text.
fn show(index: &mut String, sample: &Sample) {
    let file = file(sample);
    let _ = write!(
        index,
        "<h2>{file}</h2>\n<section><iframe src=\"{file}.html\" width=\"360\"></iframe>\
         <iframe src=\"{file}.html\" width=\"720\"></iframe>\
         <iframe src=\"{file}.txt\" width=\"640\"></iframe></section>\n",
    );
}

fn write_file(path: &Path, text: &str) -> Result<(), CliError> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder
        .and_then(|()| fs::write(path, text))
        .map_err(|error| CliError::MessageError(path.to_owned(), error))
}
