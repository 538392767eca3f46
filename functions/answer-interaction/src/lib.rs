//! `POST /v1/interactions`: shows the question to a user, and takes the answer.
//!
//! An interaction is an authorization request that waits for the user. Each answer leads back to the authorization, which
//! decides the next step. Only the pages of this deployment may ask.

use std::sync::Arc;

use api::{Anonymous, Body, Endpoint, Error, Json, ProblemType, Route, UseCase};
use application::oauth::{Browser, Interaction, SignedInBrowser};
use cloud::{Cloud, SettingError};
use domain::oauth::{BrowserUser, Choices, Client, ClientId, Consent, NextStep, RedirectUri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Store, oauth::RecentClients, retry_on_conflict};

/// Shows interactions, and takes answers.
pub struct AnswerInteraction {
    store: Store,
    clients: RecentClients,
    browser: Browser,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<AnswerInteraction>, SettingError> {
    let store = Store::new(cloud)?;
    let identities = store.identities().clone();
    let clients = RecentClients::new(&identities);
    let browser = Browser::new(cloud, &identities)?;
    Endpoint::new(cloud, identities, AnswerInteraction { store, clients, browser })
}

/// An answer to an interaction.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The interaction.
    interaction: String,
    /// The answer.
    action: Action,
}

/// An action on an interaction.
#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Show what the user is asked.
    Show,
    /// Go on with the account of the browser.
    KeepAccount,
    /// Go on with another account.
    OtherAccount,
    /// Allow the application what it asks for.
    Consent,
    /// Refuse.
    Deny,
}

/// The question to the user, or the path to continue at.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Response {
    /// The question to the user.
    Shown(Shown),
    /// The answer was taken.
    Continued {
        /// The path to continue at.
        r#continue: String,
    },
}

/// The question to the user.
#[derive(JsonSchema, Serialize)]
pub struct Shown {
    /// `sign-up`, `sign-in`, `authenticate`, `choose-account`, `consent`, or `code` if no question is left.
    #[schemars(with = "String")]
    step: NextStep,
    /// The name of the application, as the owner of the deployment registered it.
    application: String,
    /// The origin of the application, if it is a web page.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    /// The scopes that it asks for.
    scopes: Vec<String>,
    /// The address of the user who is signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// The address that the application expects.
    #[serde(skip_serializing_if = "Option::is_none")]
    login_hint: Option<String>,
    /// The path to continue at, if no question is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    r#continue: Option<String>,
}

impl UseCase for AnswerInteraction {
    const ROUTES: &'static [Route] = &[Route::post("/v1/interactions").without_idempotency_key()];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::InteractionExpired, ProblemType::CrossOrigin, ProblemType::InvalidToken];
    type Caller = Anonymous;
    type Request = Body<Request>;
    type Response = Json<Response>;

    async fn warm(&self) {
        self.browser.warm().await;
    }

    async fn run(&self, caller: Self::Caller, Body(request): Self::Request) -> Result<Self::Response, Error> {
        caller.head.require_same_origin(self.browser.issuer())?;
        let mut interaction = Interaction::open(&request.interaction, &self.browser, &caller.head).await?;
        let id = ClientId::parse(&interaction.request.client_id);
        let id = id.map_err(|_| ProblemType::InteractionExpired)?;
        let client = self.clients.recent(&id, caller.head.now).await?;
        let client = client.filter(|client| client.permits_redirect(&interaction.request.redirect_uri));
        let client = client.ok_or(ProblemType::InteractionExpired)?;
        match request.action {
            Action::Show => {
                let shown = self.show(&caller, &client, &interaction).await?;
                return Ok(Json(Response::Shown(shown)));
            }
            Action::KeepAccount => {
                let browser = self.signed_in(&caller).await?.ok_or(ProblemType::InvalidToken)?;
                let kept_session = Some(browser.session.id);
                interaction.choices = Choices { kept_session, ..Choices::default() };
            }
            Action::OtherAccount => {
                interaction.choices = Choices { other_account: true, ..Choices::default() };
            }
            Action::Consent => {
                retry_on_conflict(|_| self.consent(&caller, &client, &interaction)).await?;
            }
            Action::Deny => interaction.choices.is_denied = true,
        }
        let keys = self.browser.keys().await?;
        Ok(Json(Response::Continued { r#continue: interaction.continue_path(&keys, &caller.head) }))
    }
}

impl AnswerInteraction {
    async fn signed_in(&self, caller: &Anonymous) -> Result<Option<SignedInBrowser>, Error> {
        match self.browser.presented(&caller.head).await? {
            Some(presented) => self.browser.signed_in(presented, &caller.head).await,
            None => Ok(None),
        }
    }

    async fn show(
        &self,
        caller: &Anonymous,
        client: &Arc<Client>,
        interaction: &Interaction,
    ) -> Result<Shown, Error> {
        let browser = self.signed_in(caller).await?;
        let consent = match &browser {
            Some(browser) => self.store.identities().consent(browser.user.id, &client.id).await?,
            None => None,
        };
        let user = browser.as_ref().map(|SignedInBrowser { user, session }| BrowserUser { user, session });
        let Interaction { request, choices } = interaction;
        let step = request.next_step(client, user, consent.as_ref(), choices, caller.head.now);
        let keys = self.browser.keys().await?;
        let path = interaction.continue_path(&keys, &caller.head);
        Ok(Shown {
            step,
            application: client.name.as_str().to_owned(),
            origin: RedirectUri::origin(&request.redirect_uri).map(str::to_owned),
            scopes: request.scope.tokens().map(str::to_owned).collect(),
            account: browser.map(|browser| browser.user.email.address().to_owned()),
            login_hint: request.login_hint.clone(),
            r#continue: (step == NextStep::Code).then_some(path),
        })
    }

    /// Keeps the consent of the browser's user to what the application asks for.
    async fn consent(
        &self,
        caller: &Anonymous,
        client: &Client,
        interaction: &Interaction,
    ) -> Result<(), Error> {
        let browser = self.signed_in(caller).await?.ok_or(ProblemType::InvalidToken)?;
        cloud::put_user(browser.user.id);
        let before = self.store.identities().consent(browser.user.id, &client.id).await?;
        let scope = &interaction.request.scope;
        let (consent, user) =
            Consent::grant(before.as_ref(), &browser.user, &client.id, scope, caller.context());
        Ok(self.store.answering(None).put_consent(before.as_ref(), &consent, &user).await?)
    }
}
