//! Answers to the application, and the page for what must not be sent to it.

use api::{Navigation, WebPage};
use domain::oauth::{AuthorizationError, AuthorizationRequest, ErrorCode, ResponseMode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but the unreserved characters (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Sends the one form of the page.
const SUBMIT: &str = "document.forms[0].submit()";
/// SHA-256 of [`SUBMIT`] in Base64, for the content security policy.
const SUBMIT_HASH: &str = "ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE=";

/// Answers with a code.
pub(crate) fn code(request: &AuthorizationRequest, code: &str, issuer: &str) -> Navigation {
    let parameters = [Some(("code", code)), state(request.state.as_deref()), Some(("iss", issuer))];
    send(&request.redirect_uri, request.response_mode, parameters)
}

/// Answers with an error: a page, unless client and redirect URI hold.
pub(crate) fn refusal(error: AuthorizationError, issuer: &str) -> Navigation {
    match error {
        AuthorizationError::Shown(code, description) => Navigation::Page(error_page(code, description)),
        AuthorizationError::Sent { redirect_uri, response_mode, state: sent, code, description } => {
            let parameters = [
                Some(("error", code.as_str())),
                Some(("error_description", description)),
                state(sent.as_deref()),
                Some(("iss", issuer)),
            ];
            send(&redirect_uri, response_mode, parameters)
        }
    }
}

pub(crate) fn unknown_client() -> AuthorizationError {
    AuthorizationError::Shown(ErrorCode::InvalidRequest, "The application is not registered.")
}

pub(crate) fn expired() -> AuthorizationError {
    AuthorizationError::Shown(ErrorCode::InvalidRequest, "This sign-in has expired.")
}

fn state(state: Option<&str>) -> Option<(&str, &str)> {
    state.map(|state| ("state", state))
}

fn send<'a, const N: usize>(
    redirect_uri: &str,
    mode: ResponseMode,
    parameters: [Option<(&'a str, &'a str)>; N],
) -> Navigation {
    let parameters: Vec<_> = parameters.into_iter().flatten().collect();
    match mode {
        ResponseMode::Query => Navigation::To(with_parameters(redirect_uri, &parameters)),
        ResponseMode::FormPost => Navigation::Page(form(redirect_uri, &parameters)),
    }
}

/// Adds parameters to a URI, which may have some of its own.
pub(crate) fn with_parameters(uri: &str, parameters: &[(impl AsRef<str>, impl AsRef<str>)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let pair = |(name, value): &(_, _)| pair(name, value, &encode);
    let added = parameters.iter().map(pair).collect::<Vec<_>>().join("&");
    match added.as_str() {
        "" => uri.to_owned(),
        added => format!("{uri}{}{added}", if uri.contains('?') { '&' } else { '?' }),
    }
}

fn pair(name: &impl AsRef<str>, value: &impl AsRef<str>, encode: &impl Fn(&str) -> String) -> String {
    format!("{}={}", encode(name.as_ref()), encode(value.as_ref()))
}

fn form(action: &str, parameters: &[(&str, &str)]) -> WebPage {
    let input = |(name, value): &(&str, &str)| {
        format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
    };
    let inputs: String = parameters.iter().map(input).collect();
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Signing in</title>\
         <form method=\"post\" action=\"{}\">{inputs}<noscript><button>Continue</button></noscript></form>\
         <script>{SUBMIT}</script></html>",
        escape(action)
    );
    WebPage { status: 200, html, script_hash: Some(SUBMIT_HASH.to_owned()), sends_form: true }
}

/// The page repeats nothing of what was sent.
fn error_page(code: ErrorCode, description: &str) -> WebPage {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>Sign-in is not possible</title><link rel=\"icon\" href=\"data:,\">\
         <link rel=\"stylesheet\" href=\"/pages/style.css\">\
         <main><h1>Sign-in is not possible</h1><p>{description}</p>\
         <p>Go back to the application and try again. If this happens again, tell its owner: <code>{code}</code></p>\
         </main></html>"
    );
    WebPage { status: 400, html, script_hash: None, sends_form: false }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;

    #[test]
    fn the_policy_names_the_hash_of_the_script() {
        assert_eq!(SUBMIT_HASH, STANDARD.encode(tokens::oauth::sha256(SUBMIT.as_bytes())));
    }

    #[test]
    fn parameters_are_added_to_a_uri_with_or_without_a_query() {
        let added = [("state", "a b&c=d"), ("iss", "https://id.example")];
        let encoded = "state=a%20b%26c%3Dd&iss=https%3A%2F%2Fid.example";
        assert_eq!(
            with_parameters("https://a.example/cb", &added),
            format!("https://a.example/cb?{encoded}")
        );
        assert_eq!(
            with_parameters("https://a.example/cb?x", &added),
            format!("https://a.example/cb?x&{encoded}")
        );
    }

    #[test]
    fn a_form_shows_nothing_of_what_was_sent_as_markup() {
        let page = form("https://a.example/cb", &[("state", "\"><script>alert(1)</script>")]);
        assert!(
            page.html.contains("value=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\""),
            "{}",
            page.html
        );
    }
}
