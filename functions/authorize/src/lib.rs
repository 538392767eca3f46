//! `GET /oauth2/authorize`: answers an application that asks to sign a user in.
//!
//! The request is checked before anything is redirected. If the user must do something first, the browser is sent to the
//! sign-in page, which leads back here. Otherwise the application gets a code.

mod answer;

use std::sync::Arc;

use api::{Anonymous, Endpoint, Error, Navigation, ProblemType, RawParameters, Route, UseCase};
use application::oauth::{Browser, Interaction, SignedInBrowser};
use cloud::{Cloud, SettingError};
use domain::{
    SessionLimits,
    oauth::{
        AuthorizationCode, AuthorizationError, AuthorizationRequest, BrowserUser, Choices, Client, ClientId,
        Consent, ErrorCode, Parameters, Prompt,
    },
};
use store::{Identities, oauth::RecentClients};

const PATH: &str = "/oauth2/authorize";

/// Answers applications that ask to sign a user in.
pub struct Authorize {
    identities: Identities,
    clients: RecentClients,
    browser: Browser,
    lifetimes: SessionLimits,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<Authorize>, SettingError> {
    let identities = Identities::new(cloud)?;
    let authorize = Authorize {
        clients: RecentClients::new(&identities),
        browser: Browser::new(cloud, &identities)?,
        lifetimes: SessionLimits {
            idle: cloud.settings().seconds("SESSION_IDLE_SECONDS")?,
            absolute: cloud.settings().seconds("SESSION_ABSOLUTE_SECONDS")?,
        },
        identities: identities.clone(),
    };
    Endpoint::new(cloud, identities, authorize)
}

impl UseCase for Authorize {
    const ROUTES: &'static [Route] = &[Route::get(PATH), Route::post(PATH).without_idempotency_key()];
    const PROBLEMS: &'static [ProblemType] = &[];
    const IS_OAUTH: bool = true;
    type Caller = Anonymous;
    type Request = RawParameters;
    type Response = Navigation;

    async fn warm(&self) {
        self.browser.warm().await;
    }

    async fn run(&self, caller: Self::Caller, request: Self::Request) -> Result<Self::Response, Error> {
        if request.is_form {
            // By `GET` the browser also sends its cookie.
            return Ok(Navigation::To(answer::with_parameters(PATH, &request.pairs)));
        }
        let authorized = match request.pairs.as_slice() {
            [(name, text)] if name == "interaction" => self.go_on(&caller, text).await?,
            _ => self.begin(&caller, request.pairs).await?,
        };
        Ok(authorized.unwrap_or_else(|error| answer::refusal(error, self.browser.issuer())))
    }
}

/// A navigation, or an error that is shown or sent to the client.
type Authorized = Result<Navigation, AuthorizationError>;

impl Authorize {
    /// Begins an authorization.
    async fn begin(&self, caller: &Anonymous, pairs: Vec<(String, String)>) -> Result<Authorized, Error> {
        let parameters = match Parameters::parse(pairs) {
            Ok(parameters) => parameters,
            Err(error) => return Ok(Err(error)),
        };
        let Some(client) = self.client(caller, parameters.get("client_id")).await? else {
            return Ok(Err(answer::unknown_client()));
        };
        match AuthorizationRequest::check(parameters, &client, caller.head.now) {
            Ok(request) => {
                self.advance(caller, &client, Interaction { request, choices: Choices::default() }).await
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// Goes on with an authorization after the user has done something. The client may have changed since.
    async fn go_on(&self, caller: &Anonymous, text: &str) -> Result<Authorized, Error> {
        let interaction = match Interaction::open(text, &self.browser, &caller.head).await {
            Ok(interaction) => interaction,
            Err(Error::Problem(_)) => return Ok(Err(answer::expired())),
            Err(error) => return Err(error),
        };
        let client = self.client(caller, Some(&interaction.request.client_id)).await?;
        match client.filter(|client| client.permits_redirect(&interaction.request.redirect_uri)) {
            Some(client) => self.advance(caller, &client, interaction).await,
            None => Ok(Err(answer::unknown_client())),
        }
    }

    /// Takes the next step.
    async fn advance(
        &self,
        caller: &Anonymous,
        client: &Client,
        interaction: Interaction,
    ) -> Result<Authorized, Error> {
        let request = &interaction.request;
        if interaction.choices.is_denied {
            return Ok(Err(request.refuse(ErrorCode::AccessDenied, "The user denied the request.")));
        }
        let (browser, consent) = self.read(caller, &client.id).await?;
        let user = browser.as_ref().map(|SignedInBrowser { user, session }| BrowserUser { user, session });
        let step = request.next_step(client, user, consent.as_ref(), &interaction.choices, caller.head.now);
        match (browser, step.error()) {
            (Some(browser), None) => self.give_code(caller, request, &browser).await.map(Ok),
            (_, Some(code)) if request.prompts.has(Prompt::None) => {
                Ok(Err(request.refuse(code, "The user would have to be asked.")))
            }
            _ => {
                let keys = self.browser.keys().await?;
                let interaction = interaction.seal(&keys, &caller.head);
                // In the fragment, which no server logs.
                let page = format!("{}/pages/sign-in#{interaction}", self.browser.issuer());
                Ok(Ok(Navigation::To(page)))
            }
        }
    }

    /// Reads the browser's user and their consent at the same time.
    async fn read(
        &self,
        caller: &Anonymous,
        client: &ClientId,
    ) -> Result<(Option<SignedInBrowser>, Option<Consent>), Error> {
        let Some(presented) = self.browser.presented(&caller.head).await? else { return Ok((None, None)) };
        cloud::put_user(presented.user_id);
        let consent = async { Ok::<_, Error>(self.identities.consent(presented.user_id, client).await?) };
        tokio::try_join!(self.browser.signed_in(presented, &caller.head), consent)
    }

    async fn give_code(
        &self,
        caller: &Anonymous,
        request: &AuthorizationRequest,
        browser: &SignedInBrowser,
    ) -> Result<Navigation, Error> {
        let code = AuthorizationCode {
            user_id: browser.user.id,
            session_id: browser.session.id,
            grant_id: caller.head.new_id(),
            client_id: request.client_id.clone(),
            redirect_uri_hash: tokens::oauth::sha256(request.redirect_uri.as_bytes()),
            code_challenge: request.code_challenge.clone(),
            nonce: request.nonce.clone(),
            scope: request.scope.clone(),
            issued_at: caller.head.now,
        };
        self.keep(caller, browser).await?;
        let code = self.browser.keys().await?.seal_code(caller.head.random_bytes(), &code);
        Ok(answer::code(request, &code, self.browser.issuer()))
    }

    /// Keeps a session that is in use from running out: once in a tenth of its idle time.
    async fn keep(&self, caller: &Anonymous, browser: &SignedInBrowser) -> Result<(), Error> {
        let (now, idle) = (caller.head.now, self.lifetimes.idle);
        if now.since(browser.session.rotated_at) < idle / 10 {
            return Ok(());
        }
        Ok(self.identities.keep_session(&browser.session, now, idle).await?)
    }

    async fn client(&self, caller: &Anonymous, id: Option<&str>) -> Result<Option<Arc<Client>>, Error> {
        let Some(Ok(id)) = id.map(ClientId::parse) else { return Ok(None) };
        Ok(self.clients.recent(&id, caller.head.now).await?.filter(|client| client.deleted_at.is_none()))
    }
}
