//! The transports of mails: SES, an SMTP server, or a folder.

mod folder;
mod message;
mod ses;
mod smtp;

use std::borrow::Cow;

use cloud::{Cloud, SettingError};
use domain::Email;
use gatepost_consumer::Unhandled;
use thiserror::Error;

use self::{folder::Folder, ses::Ses, smtp::Smtp};
use crate::templates::Mail;

/// A way to send mails.
pub(crate) enum Transport {
    Ses(Ses),
    Smtp(Box<Smtp>),
    Folder(Folder),
}

/// The mail was not accepted. Only a code is kept, since the text of a refusal may contain the recipient.
#[derive(Debug, Error)]
#[error("{by} did not accept the mail: {code}")]
pub(crate) struct SendError {
    by: &'static str,
    code: Cow<'static, str>,
}

impl Transport {
    /// Creates the transport that the setting `MAIL_TRANSPORT` names. It sends from the address in
    /// `MAIL_FROM`.
    pub(crate) fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        match cloud.settings().text("MAIL_TRANSPORT")?.as_str() {
            "ses" => Ses::new(cloud).map(Self::Ses),
            "smtp" => Smtp::new(cloud).map(|smtp| Self::Smtp(smtp.into())),
            "folder" => Folder::new(cloud).map(Self::Folder),
            _ => Err(SettingError::new("MAIL_TRANSPORT", "must be `ses`, `smtp` or `folder`")),
        }
    }

    /// Sends a mail. `Ok` means that it was accepted.
    pub(crate) async fn send(&self, to: &Email, mail: &Mail) -> Result<(), Unhandled> {
        let to = mailable(to);
        match self {
            Self::Ses(ses) => ses.send(&to, mail).await,
            Self::Smtp(smtp) => smtp.send(&to, mail).await,
            Self::Folder(folder) => folder.send(&to, mail),
        }
    }
}

/// Returns the address as its owner wrote it, with an internationalized domain as A-labels: few servers
/// accept other forms.
fn mailable(email: &Email) -> Cow<'_, str> {
    let written = email.address();
    match (written.split_once('@'), email.canonical().as_str().split_once('@')) {
        (Some((local, domain)), Some((_, a_label))) if !domain.is_ascii() => {
            Cow::Owned(format!("{local}@{a_label}"))
        }
        _ => Cow::Borrowed(written),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stays_as_written_but_for_a_domain_beyond_ascii() {
        let cases =
            [("Ada@Example.com", "Ada@Example.com"), ("Ada.L@Bücher.example", "Ada.L@xn--bcher-kva.example")];
        for (written, mailed) in cases {
            assert_eq!(mailable(&Email::parse(written).expect("an address")), mailed);
        }
    }
}
