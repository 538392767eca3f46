//! The transport through an SMTP server.

use std::{
    error::Error as _,
    io::{self, ErrorKind},
    str::FromStr,
    time::Duration,
};

use cloud::{Cloud, FromSecret, SettingError};
use gatepost_consumer::Unhandled;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    transport::smtp::{
        Error,
        authentication::Credentials,
        client::{Tls, TlsParameters},
        extension::ClientId,
    },
};
use serde::Deserialize;

use super::{SendError, message::Writer};
use crate::templates::Mail;

/// The timeout of one command and its response.
const TIMEOUT: Duration = Duration::from_secs(8);
const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;

/// Sends mails through an SMTP server, each in its own connection.
pub(crate) struct Smtp {
    server: Server,
    tls: Option<TlsParameters>,
    /// The login, if the server requires one.
    login: Option<FromSecret<Credentials>>,
    writer: Writer,
}

/// The address of a server: `smtp://host[:port]` for `STARTTLS`, `smtps://host[:port]` for implicit TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Server {
    host: String,
    port: u16,
    tls_comes_first: bool,
}

/// The text is not the address of a server.
struct NoServer;

/// The content of the secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    username: String,
    password: String,
}

impl Smtp {
    /// Creates the transport with the server in the setting `SMTP_URL` and the login in the secret that
    /// `SMTP_SECRET` names.
    pub(super) fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let settings = cloud.settings();
        let server: Server = settings.parsed("SMTP_URL")?;
        let login =
            settings.optional("SMTP_SECRET").map(|_| FromSecret::of(cloud, "SMTP_SECRET", credentials));
        // Connections within one machine cannot be intercepted, so they need no TLS.
        let is_open = server.is_here() && !server.tls_comes_first;
        let tls = (!is_open).then(|| TlsParameters::new(server.host.clone())).transpose();
        Ok(Self {
            tls: tls
                .map_err(|_| SettingError::new("SMTP_URL", "cannot be verified: no root certificates"))?,
            server,
            login: login.transpose()?,
            writer: writer(cloud)?,
        })
    }

    pub(super) async fn send(&self, to: &str, mail: &Mail) -> Result<(), Unhandled> {
        let message = self.writer.write(to, mail).map_err(Unhandled::poison)?;
        let login = match &self.login {
            Some(login) => Some(Credentials::clone(&*login.get().await.map_err(Unhandled::retry)?)),
            None => None,
        };
        self.transport(login).send(message).await.map(drop).map_err(|error| unhandled(&error))
    }

    fn transport(&self, login: Option<Credentials>) -> AsyncSmtpTransport<Tokio1Executor> {
        let tls = match (&self.tls, self.server.tls_comes_first) {
            (None, _) => Tls::None,
            (Some(tls), true) => Tls::Wrapper(tls.clone()),
            (Some(tls), false) => Tls::Required(tls.clone()),
        };
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.server.host)
            .port(self.server.port)
            .tls(tls)
            .timeout(Some(TIMEOUT))
            .hello_name(ClientId::Domain(self.writer.from.domain().to_owned()));
        match login {
            Some(login) => transport.credentials(login).build(),
            None => transport.build(),
        }
    }
}

/// Creates the writer of messages from the address in the setting `MAIL_FROM`.
pub(super) fn writer(cloud: &Cloud) -> Result<Writer, SettingError> {
    Ok(Writer { from: cloud.settings().parsed("MAIL_FROM")?, clock: cloud.clock(), random: cloud.random() })
}

impl Server {
    fn is_here(&self) -> bool {
        matches!(self.host.as_str(), "localhost" | "127.0.0.1")
    }
}

impl FromStr for Server {
    type Err = NoServer;
    fn from_str(url: &str) -> Result<Self, NoServer> {
        let (scheme, address) = url.split_once("://").ok_or(NoServer)?;
        let (tls_comes_first, default) = match scheme {
            "smtp" => (false, SUBMISSION),
            "smtps" => (true, SUBMISSIONS),
            _ => return Err(NoServer),
        };
        let (host, port) = match address.split_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| NoServer)?),
            None => (address, default),
        };
        let is_name =
            !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
        if is_name { Ok(Self { host: host.to_owned(), port, tls_comes_first }) } else { Err(NoServer) }
    }
}

fn credentials(secret: &str) -> Option<Credentials> {
    let Login { username, password } = serde_json::from_str(secret).ok()?;
    Some(Credentials::new(username, password))
}

/// A 5xx status about a recipient or a text is final. One about the sender, such as a failed login, can be
/// repaired.
fn unhandled(error: &Error) -> Unhandled {
    let code = error.status().map(u16::from);
    let not_sent = SendError {
        by: "the SMTP server",
        code: code.map_or_else(|| kind(error).into(), |code| code.to_string().into()),
    };
    match code {
        Some(550 | 551 | 552 | 553 | 554 | 501) => Unhandled::poison(not_sent),
        _ => Unhandled::retry(not_sent),
    }
}

/// Returns whether the TLS handshake failed. The library reports it as an I/O error.
fn is_untrusted(error: &Error) -> bool {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|io| io.kind() == ErrorKind::InvalidData)
}

fn kind(error: &Error) -> &'static str {
    if error.is_timeout() {
        "timed out"
    } else if error.is_tls() || is_untrusted(error) {
        "TLS failed"
    } else if error.is_client() {
        "the server lacks a required feature"
    } else {
        "cannot connect"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_a_url() {
        let server = |url: &str| {
            url.parse().ok().map(|Server { host, port, tls_comes_first }| (host, port, tls_comes_first))
        };
        let some = |host: &str, port, first| Some((host.to_owned(), port, first));
        assert_eq!(server("smtp://mail.example.com"), some("mail.example.com", 587, false));
        assert_eq!(server("smtps://mail.example.com"), some("mail.example.com", 465, true));
        assert_eq!(server("smtp://127.0.0.1:2525"), some("127.0.0.1", 2525, false));
        for no_server in
            ["", "mail.example.com", "http://x", "smtp://", "smtp://u:p@h", "smtp://h:x", "smtp://h/x"]
        {
            assert_eq!(server(no_server), None, "{no_server}");
        }
    }
}
