//! Applications that users sign in to, and the browsers that they do it with.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    ClientSecretId,
    oauth::{
        AuthMethod, ClientChange, ClientId, ClientKind, ClientName, ClientSecret, GrantType, NewClient,
        RedirectUri, Scope,
    },
};
use local::Request;
use serde_json::{Value, json};
use tokens::oauth::NewClientSecret;

use crate::{Answer, PASSWORD, Stage, by_operator};

/// The verifier of RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Its challenge.
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// The origin of the pages.
pub const ISSUER: &str = "http://127.0.0.1:9000";

/// An application that is registered.
#[derive(Clone, Debug)]
pub struct Application {
    /// The id of the client.
    pub id: String,
    /// Where codes are sent.
    pub redirect_uri: String,
    /// The secret of a confidential client.
    pub secret: Option<String>,
}

/// A browser, which keeps a cookie.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    cookie: Option<String>,
}

/// The properties of a confidential client of the owner.
#[must_use]
pub fn shop() -> NewClient {
    let redirect = RedirectUri::parse("https://shop.example/cb", ClientKind::Web).expect("a URI");
    NewClient {
        id: ClientId::parse("shop").expect("an id"),
        name: ClientName::parse("The shop").expect("a name"),
        kind: ClientKind::Web,
        is_first_party: true,
        redirect_uris: vec![redirect],
        post_logout_redirect_uris: Vec::new(),
        grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into(),
        scope: Scope::parse("openid profile email offline_access").expect("a scope"),
        auth_method: AuthMethod::ClientSecretBasic,
        requires_pkce: true,
    }
}

/// The properties of a public client of a stranger.
#[must_use]
pub fn forum() -> NewClient {
    let redirect = RedirectUri::parse("https://forum.example/cb", ClientKind::Web).expect("a URI");
    NewClient {
        id: ClientId::parse("forum").expect("an id"),
        name: ClientName::parse("The forum").expect("a name"),
        is_first_party: false,
        redirect_uris: vec![redirect],
        auth_method: AuthMethod::None,
        ..shop()
    }
}

/// The query of a request that an application makes.
#[must_use]
pub fn query(parameters: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        let byte = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(byte).collect::<String>()
    };
    let pair = |(name, value): &(&str, &str)| format!("{}={}", encode(name), encode(value));
    parameters.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// The value of a parameter of a URL.
#[must_use]
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")))?;
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The claims of a JSON Web Token.
#[must_use]
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

impl Stage {
    /// Registers an application, as `gatepost clients create` does.
    pub async fn application(&self, new: NewClient) -> Application {
        let cloud = self.stack.cloud("grant-role").expect("a cloud");
        let store = store::Store::new(&cloud).expect("a store");
        let context = by_operator(&cloud);
        let secret = NewClientSecret::new(cloud.random().bytes());
        let is_confidential = new.auth_method != AuthMethod::None;
        let stored = ClientSecret {
            id: ClientSecretId::from_uuid(cloud.random().uuid()),
            hash: secret.hash(),
            created_at: context.occurred_at,
        };
        let application = Application {
            id: new.id.to_string(),
            redirect_uri: new.redirect_uris.first().map_or_else(String::new, |uri| uri.as_str().to_owned()),
            secret: is_confidential.then(|| secret.secret().expose().to_owned()),
        };
        let (client, event) = new.create(is_confidential.then_some(stored), context).expect("a client");
        store.answering(None).add_client(&client, &event).await.expect("added");
        application
    }

    /// Changes a client with a secret, as the command of this name of `gatepost clients` does.
    pub async fn change_client(&self, id: &str, command: &str) {
        let cloud = self.stack.cloud("grant-role").expect("a cloud");
        let store = store::Store::new(&cloud).expect("a store");
        let context = by_operator(&cloud);
        let id = ClientId::parse(id).expect("an id");
        let client = store.identities().oauth_client(&id).await.expect("an answer").expect("a client");
        let new = ClientSecret {
            id: ClientSecretId::from_uuid(cloud.random().uuid()),
            hash: NewClientSecret::new(cloud.random().bytes()).hash(),
            created_at: context.occurred_at,
        };
        let first = client.secrets.first().map(|secret| secret.id);
        let change = match command {
            "update" => {
                let change = ClientChange { scope: Scope::parse("openid").ok(), ..ClientChange::default() };
                client.update(change, context).expect("a client")
            }
            "add-secret" => client.add_secret(new, context),
            "remove-secret" => client.remove_secret(first.expect("a secret"), context),
            "end-grants" => Some(client.end_grants(context)),
            _ => Some(client.delete(context)),
        };
        store.answering(None).change_client(&change.expect("a change")).await.expect("changed");
    }

    /// Asks for tokens.
    pub async fn token(&self, application: &Application, parameters: &[(&str, &str)]) -> Answer {
        self.post_form(application, "/oauth2/token", parameters).await
    }

    /// Posts a form, with the credentials of the application.
    pub async fn post_form(
        &self,
        application: &Application,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Answer {
        let request = Request::new("POST", path);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let own = [("client_id", application.id.as_str())];
        let request = match &application.secret {
            Some(secret) => {
                let credentials = format!("{}:{secret}", application.id);
                let credentials = base64::engine::general_purpose::STANDARD.encode(credentials);
                request.header("authorization", &format!("Basic {credentials}")).body(query(parameters))
            }
            None => request.body(query(&[parameters, &own].concat())),
        };
        self.send(request).await
    }

    /// Redeems a code.
    pub async fn redeem(&self, application: &Application, code: &str) -> Answer {
        let parameters = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", application.redirect_uri.as_str()),
            ("code_verifier", VERIFIER),
        ];
        self.token(application, &parameters).await
    }

    /// Refreshes a grant.
    pub async fn refresh_grant(&self, application: &Application, refresh_token: &str) -> Answer {
        let parameters = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        self.token(application, &parameters).await
    }
}

impl Application {
    /// The parameters of an authorization request for this scope.
    #[must_use]
    pub fn request<'a>(&'a self, scope: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("client_id", &self.id),
            ("redirect_uri", &self.redirect_uri),
            ("response_type", "code"),
            ("scope", scope),
            ("state", "a state"),
            ("nonce", "a nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]
    }
}

impl Browser {
    /// Goes to a path.
    pub async fn get(&self, stage: &Stage, path: &str) -> Answer {
        stage.send(self.with_cookie(Request::get(path))).await
    }

    /// Goes to the authorization endpoint.
    pub async fn authorize(&self, stage: &Stage, parameters: &[(&str, &str)]) -> Answer {
        self.get(stage, &format!("/oauth2/authorize?{}", query(parameters))).await
    }

    /// Posts JSON, as a page does.
    pub async fn post(&mut self, stage: &Stage, path: &str, body: Value) -> Answer {
        let request = self.with_cookie(Request::post(path, &body)).header("origin", ISSUER);
        let answer = stage.send(request).await;
        if let Some((cookie, _)) = answer.header("set-cookie").split_once(';') {
            self.cookie = Some(cookie.to_owned());
        }
        answer
    }

    /// Answers an interaction.
    pub async fn act(&mut self, stage: &Stage, interaction: &str, action: &str) -> Answer {
        self.post(stage, "/v1/interactions", json!({"interaction": interaction, "action": action})).await
    }

    /// Signs in on the page of an interaction.
    pub async fn sign_in(&mut self, stage: &Stage, interaction: &str, email: &str) -> Answer {
        let body = json!({"interaction": interaction, "email": email, "password": PASSWORD});
        self.post(stage, "/v1/sessions", body).await
    }

    /// Asks, signs in if that is asked, and allows what is asked: the code.
    pub async fn code(&mut self, stage: &Stage, parameters: &[(&str, &str)], email: &str) -> String {
        let mut answer = self.authorize(stage, parameters).await.expect(303);
        for _ in 0..3 {
            let Some(interaction) = interaction(&answer) else { break };
            let step = self.act(stage, &interaction, "show").await.expect(200).body["step"].clone();
            let answered = match step.as_str() {
                Some("consent") => self.act(stage, &interaction, "consent").await.expect(200),
                _ => self.sign_in(stage, &interaction, email).await.expect(201),
            };
            answer = self.get(stage, answered.body["continue"].as_str().expect("a path")).await.expect(303);
        }
        parameter(answer.header("location"), "code")
            .unwrap_or_else(|| panic!("{}", answer.header("location")))
    }

    fn with_cookie(&self, request: Request) -> Request {
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }
}

/// The interaction that an answer leads to.
#[must_use]
pub fn interaction(answer: &Answer) -> Option<String> {
    answer.header("location").split_once("/pages/sign-in#").map(|(_, interaction)| interaction.to_owned())
}
