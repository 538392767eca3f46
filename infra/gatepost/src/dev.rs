//! `gatepost dev`: the whole system in one process, until Ctrl-C.

use std::{
    io::{self, ErrorKind},
    path::PathBuf,
};

use clap::Args;
use local::{Setup, Stack};
use tokio::net::TcpListener;
use tracing_subscriber::filter::LevelFilter;

use crate::{
    cli::ExitCode,
    console::{Console, say},
    error::CliError,
};

/// The number of mails, and of events, that are kept for display.
pub(crate) const SHOWN: u64 = 1_000;

#[derive(Args)]
pub(crate) struct Dev {
    /// Keep all data in this folder
    #[arg(long, value_name = "DIR", default_value = ".gatepost")]
    data: PathBuf,
    /// Keep all data in memory, until the command ends
    #[arg(long, conflicts_with = "data")]
    memory: bool,
    /// Listen on this port of 127.0.0.1; 0 takes any free port
    #[arg(long, value_name = "N", default_value = "9000")]
    port: u16,
    /// Run this template instead of the one this command was built with
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    #[command(flatten)]
    parameters: Parameters,
    /// Let pages of this origin call the API, such as http://localhost:5173
    #[arg(long = "allow-origin", value_name = "ORIGIN", value_parser = origin)]
    origins: Vec<String>,
    /// Show the log line of each function call
    #[arg(long)]
    log: bool,
    /// Use the mail templates in this folder
    #[arg(long, value_name = "DIR")]
    mail_templates: Option<PathBuf>,
    /// Write mails into this folder as .eml files instead of showing them
    #[arg(long, value_name = "DIR")]
    mail_folder: Option<PathBuf>,
}

// Parameters of the template that replace its defaults.
#[derive(Args)]
pub(crate) struct Parameters {
    /// Set a parameter of the template
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
}

impl Parameters {
    /// Returns the setup with these parameters.
    pub(crate) fn set(&self, setup: Setup) -> Setup {
        self.parameters.iter().fold(setup, |setup, (name, value)| setup.with_parameter(name, value))
    }
}

/// Parses an origin in the form of browsers: other forms would never match.
fn origin(text: &str) -> Result<String, &'static str> {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let is_host = |host: &str| {
        let written = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]".contains(&b);
        !host.is_empty() && host.bytes().all(written)
    };
    if text == "*" || host.is_some_and(is_host) {
        Ok(text.to_owned())
    } else {
        Err("must be an origin such as http://localhost:5173, in lower case and without a trailing slash")
    }
}

fn parameter(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Dev {
    pub(crate) async fn run(self) -> Result<ExitCode, CliError> {
        // The log goes to standard error as text. Standard output is for mails and events.
        tracing_subscriber::fmt().with_writer(io::stderr).with_max_level(LevelFilter::WARN).init();
        let console = Console::new();
        let listener = listen(self.port).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let stack = self.start(&url)?;
        // Subscribed before anything runs, so that nothing is missed.
        let news = stack.news();
        stack.warm().await?;
        let running = stack.run(listener);
        console.greet(&url, self.folder(), stack.template());
        tokio::select! {
            () = console.follow(news) => {}
            ended = end() => ended?,
        }
        say("Finishing running work …");
        tokio::select! {
            () = running.stop() => {}
            // A second Ctrl-C ends immediately.
            ended = end() => ended?,
        }
        Ok(ExitCode::Done)
    }

    fn start(&self, url: &str) -> Result<Stack, CliError> {
        let setup = self.folder().map_or_else(Stack::memory, Stack::folder);
        let mut setup = self.parameters.set(setup.at(url).showing(SHOWN));
        if let Some(file) = &self.template {
            let text = std::fs::read_to_string(file);
            setup =
                setup.with_template(text.map_err(|error| CliError::UnreadableTemplate(file.clone(), error))?);
        }
        if self.log {
            setup = setup.logging_to(|line| eprintln!("{}", line.text()));
        }
        if !self.origins.is_empty() {
            setup = setup.with_parameter("AllowedOrigins", &self.origins.join(","));
        }
        Ok(self.with_mail(setup).start()?)
    }

    /// Sets the mail folder and templates. On AWS, templates come from a layer, and folders do not exist.
    fn with_mail(&self, mut setup: Setup) -> Setup {
        if let Some(templates) = &self.mail_templates {
            setup = setup.with_setting("send-mail", "MAIL_TEMPLATES", &templates.display().to_string());
        }
        if let Some(folder) = &self.mail_folder {
            setup = setup.with_setting("send-mail", "MAIL_TRANSPORT", "folder");
            setup = setup.with_setting("send-mail", "MAIL_FOLDER", &folder.display().to_string());
        }
        setup
    }

    fn folder(&self) -> Option<&PathBuf> {
        (!self.memory).then_some(&self.data)
    }
}

async fn listen(port: u16) -> Result<TcpListener, CliError> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => CliError::PortInUse(port),
        _ => CliError::Port(port, error),
    })
}

/// Waits for Ctrl-C or SIGTERM.
#[cfg(unix)]
pub(crate) async fn end() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
pub(crate) async fn end() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
