//! `POST /v1/password-resets/confirm`: choose a new password with a link, or the first one after an
//! invitation.
//!
//! Every session ends. The link proves only the ownership of the address, so the response has no session. An
//! unacceptable password does not use up the link.

use api::{Anonymous, Body, Endpoint, Error, NoContent, ProblemType, Route, UseCase};
use application::password::{self, NewPasswordRules, Present};
use cloud::{Cloud, FromSecret, SettingError, chain};
use domain::{
    CanonicalEmail, Credential, Id, LinkHash, NewPassword, Purpose, RateLimit, Secret, User, UserId,
};
use hashing::Hasher;
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Limit, Store, retry_on_conflict};
use tokens::LinkToken;
use tracing::warn;

/// The name of the limits.
const LIMIT: &str = "reset-password";
const FIELD: &str = "/new_password";

/// Resets passwords.
pub struct ResetPassword {
    store: Store,
    hasher: FromSecret<Hasher>,
    rules: NewPasswordRules,
    guesses: RateLimit,
    from_source: RateLimit,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ResetPassword>, SettingError> {
    let (settings, store) = (cloud.settings(), Store::new(cloud)?);
    let identities = store.identities().clone();
    let reset = ResetPassword {
        store,
        hasher: password::hasher(cloud)?,
        rules: NewPasswordRules::new(cloud)?,
        guesses: RateLimit::of_guesses(settings.parsed("LOG_IN_ATTEMPTS_PER_ADDRESS")?),
        from_source: RateLimit::of_source(settings.parsed("LOG_IN_ATTEMPTS_PER_IP")?),
    };
    Endpoint::new(cloud, identities, reset)
}

/// The token of the link, and the new password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(with = "String")]
    token: Secret,
    #[schemars(with = "String")]
    new_password: Secret,
}

/// A parsed link token, which has not been checked.
struct PresentedLink {
    user_id: UserId,
    purpose: Purpose,
    hash: LinkHash,
}

impl UseCase for ResetPassword {
    const ROUTES: &'static [Route] = &[Route::post("/v1/password-resets/confirm")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::LinkInvalid, ProblemType::RateLimited, ProblemType::ValidationFailed];
    const TAKES_PASSWORD: bool = true;
    type Caller = Anonymous;
    type Request = Body<Request>;
    type Response = NoContent;

    async fn warm(&self) {
        // A failure repeats at the first request, and is answered there.
        let _ = self.hasher.get().await;
    }

    async fn run(&self, caller: Self::Caller, Body(request): Self::Request) -> Result<Self::Response, Error> {
        let password = self.rules.parse(&request.new_password);
        let password = password.map_err(|errors| password::problems(FIELD, errors))?;
        let link = PresentedLink::parse(&request.token)?;
        let user = self.user(&caller, &link).await?;
        let limits = self.limits(&caller, &user);
        let (credential, ()) = tokio::try_join!(self.credential(&user), async {
            Ok(self.store.identities().reserve(&limits, caller.head.now).await?)
        })?;
        let (hasher, salt) = (self.hasher.get().await?, caller.head.random_bytes());
        let own = self.rules.own_words_of(&user);
        let new = self.rules.settle(&hasher, &password, &own, Present::Hashed(&credential), salt).await;
        let new = new.map_err(|error| error.at(FIELD))?;

        let reset =
            retry_on_conflict(|attempt| self.reset(attempt, &caller, &link, &new, &user, &credential));
        let (reset, ()) = tokio::join!(reset, self.refund_guesses(&credential.email, limits));
        reset
    }
}

impl ResetPassword {
    /// The limits of attempts with a valid link, each of which takes hashes. An invalid link takes none, and
    /// does not slow the user down.
    fn limits(&self, caller: &Anonymous, user: &User) -> [Limit; 2] {
        [
            Limit::of_user(LIMIT, user.id, self.guesses),
            Limit::of_source(LIMIT, &caller.head.client, self.from_source),
        ]
    }

    /// Returns the user of the link, if it is valid and bound to the user's current address. The caller does
    /// not learn why a link is refused.
    async fn user(&self, caller: &Anonymous, presented: &PresentedLink) -> Result<User, Error> {
        let PresentedLink { user_id, purpose, hash } = presented;
        let identities = self.store.identities();
        let (link, user) = tokio::try_join!(identities.link(*user_id, *purpose), identities.user(*user_id))?;
        // The line of the log names the user even if the link is refused.
        if let Some(user) = &user {
            cloud::put_user(user.id);
        }
        let link = link.filter(|link| link.is(hash, caller.head.now)).ok_or(ProblemType::LinkInvalid)?;
        // An invitation permits the first password only.
        let is_open = |user: &User| *purpose != Purpose::AcceptInvitation || user.invited_at.is_some();
        let user = user.filter(|user| user.may_reset_password() && link.is_bound_to(user) && is_open(user));
        Ok(user.ok_or(ProblemType::LinkInvalid)?)
    }

    /// Returns the credential of the user. One that does not prove the user was replaced, which revokes the
    /// link.
    async fn credential(&self, user: &User) -> Result<Credential, Error> {
        let credential = self.store.identities().credential(user.email.canonical()).await?;
        Ok(credential.filter(|credential| credential.proves(user)).ok_or(ProblemType::LinkInvalid)?)
    }

    /// Resets the password. Retries read the user and the credential again.
    async fn reset(
        &self,
        attempt: usize,
        caller: &Anonymous,
        link: &PresentedLink,
        new: &NewPassword,
        user: &User,
        credential: &Credential,
    ) -> Result<NoContent, Error> {
        let (user, credential) = if attempt == 0 {
            (user.clone(), credential.clone())
        } else {
            let user = self.user(caller, link).await?;
            let credential = self.credential(&user).await?;
            (user, credential)
        };
        let reset = user.reset_password(&credential, new.clone(), caller.context());
        let commands = self.store.answering(caller.receipt(&NoContent));
        commands.reset_password(link.purpose, &link.hash, &reset).await?;
        Ok(NoContent)
    }

    /// Refunds the attempts, and those of log-ins with the old password: the user has just proven the
    /// address, and should not wait because of guesses by others. If this fails, the user waits.
    async fn refund_guesses(&self, email: &CanonicalEmail, reserved: [Limit; 2]) {
        let [of_user, of_source] = reserved;
        let log_in = Limit::of_address("log-in", email, self.guesses);
        if let Err(failure) = self.store.identities().refund(&[of_user, of_source, log_in]).await {
            warn!(cause = chain(&failure), "failed to refund the attempts");
        }
    }
}

impl PresentedLink {
    fn parse(token: &Secret) -> Result<Self, Error> {
        let of = |purpose| LinkToken::parse(token.expose(), purpose).map(|token| (purpose, token)).ok();
        let (purpose, token) = [Purpose::ResetPassword, Purpose::AcceptInvitation]
            .into_iter()
            .find_map(of)
            .ok_or(ProblemType::LinkInvalid)?;
        Ok(Self { user_id: Id::from_uuid(token.subject()), purpose, hash: token.hash() })
    }
}
