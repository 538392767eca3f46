//! `gatepost dev`: the whole system in one process, until Ctrl-C.

use std::{
    io::{self, ErrorKind},
    path::PathBuf,
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use local::{Setup, Stack, StartError};
use thiserror::Error;
use tokio::{net::TcpListener, runtime};
use tracing_subscriber::filter::LevelFilter;

use crate::{
    console::{Console, say},
    system::value,
};

/// The mails, and the events, that can be looked at.
pub(crate) const SHOWN: u64 = 1_000;

/// Why it does not run, in one sentence.
#[derive(Debug, Error)]
pub(crate) enum DevError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the template {0} cannot be read: {1}")]
    Template(PathBuf, io::Error),
    #[error("the port {0} is in use: stop what uses it, or choose another with --port")]
    PortInUse(u16),
    #[error("the port {0} cannot be used: {1}")]
    Port(u16, io::Error),
    #[error("the system does not permit it: {0}")]
    System(#[from] io::Error),
}

pub(crate) fn command() -> Command {
    Command::new("dev")
        .about("Run the whole system on this machine: API, functions, tables, events and mails")
        .after_help("Exit codes: 0 ended by Ctrl-C or SIGTERM, 1 could not start (one sentence says why), 2 wrong usage.")
        .arg(
            value("data", "DIR", "Keep all data in this folder")
                .default_value(".gatepost")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            Arg::new("memory")
                .long("memory")
                .action(ArgAction::SetTrue)
                .conflicts_with("data")
                .help("Keep all data in memory, until the command ends"),
        )
        .arg(
            value("port", "N", "Listen on this port of 127.0.0.1; 0 takes any free port")
                .default_value("9000")
                .value_parser(value_parser!(u16)),
        )
        .arg(
            value("template", "FILE", "Run this template instead of the one this command was built with")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(parameters())
        .arg(
            value("allow-origin", "ORIGIN", "Let pages of this origin call the API, such as http://localhost:5173")
                .action(ArgAction::Append)
                .value_parser(origin),
        )
        .arg(
            Arg::new("log")
                .long("log")
                .action(ArgAction::SetTrue)
                .help("Show the line that each call of a function writes"),
        )
        .arg(
            value("mail-templates", "DIR", "Make mails from the templates in this folder")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            value("mail-folder", "DIR", "Put mails into this folder as .eml files instead of showing them")
                .value_parser(value_parser!(PathBuf)),
        )
}

pub(crate) fn parameters() -> Arg {
    value("parameter", "NAME=VALUE", "Set a parameter of the template")
        .action(ArgAction::Append)
        .value_parser(parameter)
}

/// The setup with the parameters that the arguments choose.
pub(crate) fn with_parameters(setup: Setup, arguments: &ArgMatches) -> Setup {
    let chosen = arguments.get_many::<(String, String)>("parameter").into_iter().flatten();
    chosen.fold(setup, |setup, (name, value)| setup.with_parameter(name, value))
}

/// Adds the origins that the arguments allow to the setup.
fn with_origins(setup: Setup, arguments: &ArgMatches) -> Setup {
    let origins: Vec<&str> =
        arguments.get_many::<String>("allow-origin").into_iter().flatten().map(String::as_str).collect();
    if origins.is_empty() { setup } else { setup.with_parameter("AllowedOrigins", &origins.join(",")) }
}

/// Takes an origin as browsers write it: anything else would never match.
fn origin(text: &str) -> Result<String, &'static str> {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let is_host = |host: &str| {
        let written = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]".contains(&b);
        !host.is_empty() && host.bytes().all(written)
    };
    if text == "*" || host.is_some_and(is_host) {
        Ok(text.to_owned())
    } else {
        Err("it must look like http://localhost:5173, in lower case and without a slash at the end")
    }
}

fn parameter(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("it must look like NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<(), DevError> {
    // What functions log, as text: mails and events have standard output to themselves.
    tracing_subscriber::fmt().with_writer(io::stderr).with_max_level(LevelFilter::WARN).init();
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(arguments))
}

async fn serve(arguments: &ArgMatches) -> Result<(), DevError> {
    let console = Console::new();
    let listener = listen(*arguments.get_one("port").unwrap_or(&9000)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let stack = start(arguments, &url)?;
    // Before anything runs, so that nothing is missed.
    let news = stack.news();
    stack.warm().await?;
    let running = stack.run(listener);
    console.greet(&url, data_folder(arguments), stack.template());
    tokio::select! {
        () = console.follow(news) => {}
        ended = end() => ended?,
    }
    say("Finishing what is under way …");
    tokio::select! {
        () = running.stop() => {}
        // Who asks twice does not want to wait.
        ended = end() => ended?,
    }
    Ok(())
}

fn start(arguments: &ArgMatches, url: &str) -> Result<Stack, DevError> {
    let setup = data_folder(arguments).map_or_else(Stack::memory, Stack::folder);
    let mut setup = setup.at(url).showing(SHOWN);
    if let Some(file) = arguments.get_one::<PathBuf>("template") {
        let text = std::fs::read_to_string(file).map_err(|error| DevError::Template(file.clone(), error))?;
        setup = setup.with_template(text);
    }
    if arguments.get_flag("log") {
        setup = setup.logging_to(|line| eprintln!("{}", line.text()));
    }
    let setup = with_origins(with_parameters(setup, arguments), arguments);
    Ok(with_mail(setup, arguments).start()?)
}

/// What on AWS is a layer, or cannot be.
fn with_mail(mut setup: Setup, arguments: &ArgMatches) -> Setup {
    let folder = |name| arguments.get_one::<PathBuf>(name).map(|folder| folder.display().to_string());
    if let Some(templates) = folder("mail-templates") {
        setup = setup.with_setting("send-mail", "MAIL_TEMPLATES", &templates);
    }
    if let Some(folder) = folder("mail-folder") {
        setup = setup.with_setting("send-mail", "MAIL_TRANSPORT", "folder");
        setup = setup.with_setting("send-mail", "MAIL_FOLDER", &folder);
    }
    setup
}

fn data_folder(arguments: &ArgMatches) -> Option<&PathBuf> {
    arguments.get_one("data").filter(|_| !arguments.get_flag("memory"))
}

async fn listen(port: u16) -> Result<TcpListener, DevError> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => DevError::PortInUse(port),
        _ => DevError::Port(port, error),
    })
}

/// Returns when somebody wants it to end.
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
