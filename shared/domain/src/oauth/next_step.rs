//! The next step of an authorization: something that the user is asked, or the code.

use serde::{Deserialize, Serialize};

use super::{AuthorizationRequest, Client, Consent, ErrorCode, Prompt, RedirectUri};
use crate::{Session, SessionId, Timestamp, User};

/// The user of a browser, by a session that stands.
#[derive(Clone, Copy, Debug)]
pub struct BrowserUser<'a> {
    /// The user.
    pub user: &'a User,
    /// The session.
    pub session: &'a Session,
}

/// The decisions of the user so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Choices {
    /// The session whose account the user goes on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_session: Option<SessionId>,
    /// Whether the user goes on with another account than that of the browser.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_account: bool,
    /// Whether the user has refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_denied: bool,
}

/// The next step of an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NextStep {
    /// The user registers.
    SignUp,
    /// The user signs in.
    SignIn,
    /// The user authenticates again.
    Authenticate,
    /// The user chooses the account.
    ChooseAccount,
    /// The user consents.
    Consent,
    /// The client gets its code.
    Code,
}

impl NextStep {
    /// Returns the error for a client that asked for no interaction; `None` if none is needed.
    #[must_use]
    pub const fn error(self) -> Option<ErrorCode> {
        match self {
            Self::SignUp | Self::SignIn | Self::Authenticate => Some(ErrorCode::LoginRequired),
            Self::ChooseAccount => Some(ErrorCode::AccountSelectionRequired),
            Self::Consent => Some(ErrorCode::ConsentRequired),
            Self::Code => None,
        }
    }
}

impl AuthorizationRequest {
    /// Decides the next step.
    #[must_use]
    pub fn next_step(
        &self,
        client: &Client,
        browser: Option<BrowserUser<'_>>,
        consent: Option<&Consent>,
        choices: &Choices,
        now: Timestamp,
    ) -> NextStep {
        let begun_at = self.begun_at();
        let Some(BrowserUser { session, .. }) = browser else {
            return if self.prompts.has(Prompt::Create) { NextStep::SignUp } else { NextStep::SignIn };
        };
        let is_new = session.created_at >= begun_at;
        if self.prompts.has(Prompt::Create) && !is_new {
            return NextStep::SignUp;
        }
        if choices.other_account && !is_new {
            return NextStep::SignIn;
        }
        if session.authenticated_at < begun_at && self.wants_authentication(session, now) {
            return NextStep::Authenticate;
        }
        if !is_new && self.wants_choice(client) && !choices.keeps(session.id) {
            return NextStep::ChooseAccount;
        }
        if self.wants_consent(client, consent) { NextStep::Consent } else { NextStep::Code }
    }

    fn wants_authentication(&self, session: &Session, now: Timestamp) -> bool {
        let is_too_old = |max_age: u32| now.since(session.authenticated_at).as_secs() >= u64::from(max_age);
        self.prompts.has(Prompt::Login) || self.max_age.is_some_and(is_too_old)
    }

    /// A public client that others can take the place of is never answered without a click (RFC 8252, section 8.6).
    fn can_be_impersonated(&self, client: &Client) -> bool {
        !client.is_confidential() && !RedirectUri::is_https(&self.redirect_uri)
    }

    fn wants_choice(&self, client: &Client) -> bool {
        self.prompts.has(Prompt::SelectAccount) || self.can_be_impersonated(client)
    }

    fn wants_consent(&self, client: &Client, consent: Option<&Consent>) -> bool {
        let is_recent = consent.is_some_and(|consent| consent.granted_at >= self.begun_at());
        if self.prompts.has(Prompt::Consent) && !is_recent {
            return true;
        }
        if client.is_first_party {
            return false;
        }
        !consent.is_some_and(|consent| consent.covers(&self.scope))
            || self.can_be_impersonated(client) && !is_recent
    }
}

impl Choices {
    fn keeps(&self, session: SessionId) -> bool {
        self.kept_session == Some(session)
    }
}
