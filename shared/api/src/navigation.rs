//! Answers to a browser that navigates: a redirect, or a page that is whole in itself.

use std::collections::BTreeMap;

use lambda_http::Body;

use crate::{Answer, ResponseSpec, answer::Reply};

/// The answer to a browser that navigates.
pub enum Navigation {
    /// `303 See Other`
    To(String),
    /// A page.
    Page(WebPage),
}

/// A page with at most one script.
pub struct WebPage {
    /// The status.
    pub status: u16,
    /// The document.
    pub html: String,
    /// SHA-256 of its one script, in Base64, as a content security policy names it.
    pub script_hash: Option<String>,
    /// Whether its form may be sent. The receiver may redirect to anywhere, and browsers apply the policy to that too.
    pub sends_form: bool,
}

impl WebPage {
    fn policy(&self) -> String {
        let script = self.script_hash.as_ref().map_or("'none'".to_owned(), |hash| format!("'sha256-{hash}'"));
        let form = if self.sends_form { "" } else { " form-action 'none';" };
        format!(
            "default-src 'none'; style-src 'self'; img-src data:; script-src {script};{form} base-uri 'none'; \
             frame-ancestors 'none'"
        )
    }
}

impl Answer for Navigation {
    const STATUS: u16 = 303;

    fn reply(&self) -> Reply {
        let mut headers: BTreeMap<_, _> = [("cache-control".into(), "no-store".to_owned())].into();
        match self {
            Self::To(location) => {
                headers.insert("location".into(), location.clone());
                Reply { status: Self::STATUS, headers, body: Body::from("") }
            }
            Self::Page(page) => {
                headers.insert("content-type".into(), "text/html; charset=utf-8".to_owned());
                headers.insert("content-security-policy".into(), page.policy());
                headers.insert("x-frame-options".into(), "DENY".to_owned());
                Reply { status: page.status, headers, body: Body::from(page.html.as_str()) }
            }
        }
    }

    fn describe(spec: &mut ResponseSpec<'_>) {
        spec.redirected();
    }
}
