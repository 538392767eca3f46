//! `POST /v1/sessions`: proves who somebody is by their password, and starts a session.
//!
//! Whatever is wrong with the credentials is one answer after the same work: an unknown address
//! costs the same hash. Attempts are counted before it.

use api::{Anyone, Created, Endpoint, FieldProblem, Grant, Problem, ProblemType, Route, UseCase};
use cloud::{Clock, Cloud, FromSecret, Random, SecretUnavailable, SettingError};
use credentials::{HashFailed, Hasher, Parameters, Verdict};
use domain::{
    Credential, Email, InvalidEmail, InvalidPassword, Password, Secret, SessionLimits, Status, User,
};
use serde::Deserialize;
use store::{Attempts, Failure, Refused, Store};
use thiserror::Error;
use tokens::{Issuer, KeyUnusable};
use tokio::sync::OnceCell;

/// NIST SP 800-63B-4, section 3.2.2: no more than 100 consecutive failures on one account.
const ATTEMPTS_PER_ADDRESS_AND_DAY: u32 = 100;
/// Log-ins of one user that happen at once take turns.
const TURNS: usize = 10;

/// Starts sessions.
pub struct LogIn {
    store: Store,
    keys: FromSecret<Keys>,
    published: OnceCell<()>,
    limits: SessionLimits,
    /// In five minutes.
    attempts_per_address: u32,
    /// In five minutes.
    attempts_per_ip: u32,
    clock: Clock,
    random: Random,
}

struct Keys {
    hasher: Hasher,
    issuer: Issuer,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<LogIn>, SettingError> {
    let settings = cloud.settings();
    let parameters =
        Parameters::new(settings.parsed("ARGON2_MEMORY_KIB")?, settings.parsed("ARGON2_ITERATIONS")?)
            .map_err(|_| {
                SettingError::new("ARGON2_MEMORY_KIB", "and ARGON2_ITERATIONS are too weak together")
            })?;
    let issuing = api::issuing(cloud)?;
    let derive = move |seeds: &domain::Seeds| {
        Some(Keys {
            hasher: Hasher::new(parameters, seeds),
            issuer: Issuer::new(seeds, issuing.clone()).ok()?,
        })
    };
    let log_in = LogIn {
        store: Store::new(cloud)?,
        keys: FromSecret::new(cloud, derive)?,
        published: OnceCell::new(),
        limits: SessionLimits {
            idle: settings.seconds("SESSION_IDLE_SECONDS")?,
            absolute: settings.seconds("SESSION_ABSOLUTE_SECONDS")?,
        },
        attempts_per_address: settings.parsed("LOG_IN_ATTEMPTS_PER_ADDRESS")?,
        attempts_per_ip: settings.parsed("LOG_IN_ATTEMPTS_PER_IP")?,
        clock: cloud.clock(),
        random: cloud.random(),
    };
    Endpoint::new(cloud, log_in)
}

/// Who says to be whom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    email: String,
    password: Secret,
}

/// Why no session is started.
#[derive(Debug, Error)]
pub enum Refusal {
    /// It names no address.
    #[error("no address")]
    NoAddress(#[from] InvalidEmail),
    /// Address and password do not belong together, or the user may not sign in.
    #[error("the credentials are not valid")]
    InvalidCredentials,
    /// Too many attempts; some may be made after these seconds.
    #[error("too many attempts")]
    RateLimited(u32),
    /// The keys could not be read.
    #[error("no keys")]
    NoKeys(#[from] SecretUnavailable),
    /// The password could not be compared.
    #[error("no hash")]
    NoHash(#[from] HashFailed),
    /// The token could not be signed.
    #[error("no token")]
    NoToken(#[from] KeyUnusable),
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
    /// Too many log-ins of this user at once.
    #[error("too many turns")]
    Contended,
}

impl UseCase for LogIn {
    const ROUTES: &'static [Route] = &[Route::post("/v1/sessions")];
    type Caller = Anyone;
    type Request = Request;
    type Response = Created<Grant>;
    type Refusal = Refusal;

    fn gate(&self) -> &() {
        &()
    }

    async fn warm(&self) {
        // What fails here fails again, and is answered, at the first request.
        let _ = self.keys().await;
    }

    async fn run(&self, caller: Anyone, request: Request) -> Result<Created<Grant>, Refusal> {
        let email = Email::parse(&request.email)?;
        let password = Password::presented(&request.password)?;

        let (credential, ()) =
            tokio::try_join!(self.credential(&email), self.count_attempt(&caller, &email))?;
        let keys = self.keys().await?;
        let stored = credential.as_ref().map(|credential| &credential.password_hash);
        let (verdict, user) =
            tokio::join!(keys.hasher.verify(&password, stored), self.user(credential.as_ref()));

        let (verdict, user) = (verdict?, user?.filter(|user| user.status == Status::Active));
        let (Some(credential), Some(user)) = (credential, user) else {
            return Err(Refusal::InvalidCredentials);
        };
        let rehashed = match verdict {
            Verdict::Match => None,
            Verdict::MatchButOutdated => Some(keys.hasher.hash(&password, self.random.bytes()).await?),
            Verdict::Mismatch => return Err(Refusal::InvalidCredentials),
        };
        self.start_session(&caller, user, rehashed.as_ref().map(|hash| (&credential, hash)), &keys.issuer)
            .await
    }
}

impl LogIn {
    /// The keys, the signing one published: nobody is to meet a token that cannot be verified.
    async fn keys(&self) -> Result<&Keys, Refusal> {
        let keys = self.keys.get().await?;
        let public = || keys.issuer.public_key(self.clock.now());
        let identities = self.store.identities();
        self.published.get_or_try_init(|| async { identities.publish_key(&public()).await }).await?;
        Ok(keys)
    }

    async fn credential(&self, email: &Email) -> Result<Option<Credential>, Refusal> {
        Ok(self.store.identities().credential(email.canonical()).await?)
    }

    /// Hides behind the hash.
    async fn user(&self, credential: Option<&Credential>) -> Result<Option<User>, Refusal> {
        let Some(credential) = credential else { return Ok(None) };
        Ok(self.store.identities().user(credential.user_id).await?)
    }

    /// Counts the attempt against the address, known or not, and the source.
    async fn count_attempt(&self, caller: &Anyone, email: &Email) -> Result<(), Refusal> {
        let (identities, now) = (self.store.identities(), self.clock.now());
        let ip = caller.head.client.ip.as_deref().unwrap_or("unknown");
        let (by_address, by_ip) = tokio::try_join!(
            identities.count_attempt("address", email.canonical().as_str(), now),
            identities.count_attempt("ip", ip, now),
        )?;
        let too_many_today = by_address.in_day > ATTEMPTS_PER_ADDRESS_AND_DAY;
        let wait = [
            too_many_today.then_some(by_address.day_ends_in),
            over(by_address, self.attempts_per_address),
            over(by_ip, self.attempts_per_ip),
        ];
        wait.into_iter().flatten().max().map_or(Ok(()), |seconds| Err(Refusal::RateLimited(seconds)))
    }

    async fn start_session(
        &self,
        caller: &Anyone,
        mut user: User,
        mut rehashed: Option<(&Credential, &domain::PasswordHash)>,
        issuer: &Issuer,
    ) -> Result<Created<Grant>, Refusal> {
        let now = self.clock.now();
        let (session_id, event_id, token_id) = (self.random.id(now), self.random.id(now), self.random.uuid());
        for _turn in 0..TURNS {
            let (cause, client) = (caller.cause(event_id, now), caller.head.client.clone());
            let (advanced, session, event) = user.start_session(session_id, &self.limits, client, cause);
            match self.store.start_session(&advanced, &session, rehashed.take(), event).await {
                Ok(()) => return Ok(Created(Grant::new(issuer, &advanced, &session, token_id, now)?)),
                Err(Refused::Failed(failure)) => return Err(failure.into()),
                Err(Refused::Stale) => user = self.again(&user).await?,
            }
        }
        Err(Refusal::Contended)
    }

    /// The user as it is now, if what the password proved still holds: a new password, or whatever
    /// else ends all sessions, raises the epoch.
    async fn again(&self, before: &User) -> Result<User, Refusal> {
        let user = self.store.identities().user(before.id).await?;
        let same = user.filter(|user| user.status == Status::Active && user.epoch == before.epoch);
        same.ok_or(Refusal::InvalidCredentials)
    }
}

/// Seconds to wait, if there were more than `limit` attempts in the window.
fn over(attempts: Attempts, limit: u32) -> Option<u32> {
    (attempts.in_window > limit).then_some(attempts.window_ends_in)
}

impl From<InvalidPassword> for Refusal {
    /// Longer than any password can be: no more is said than of any other wrong one.
    fn from(_: InvalidPassword) -> Self {
        Self::InvalidCredentials
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoAddress(error) => {
                Self::fields(vec![FieldProblem::new("/email", "invalid-email", &error)])
            }
            Refusal::InvalidCredentials => Self::of(ProblemType::InvalidCredentials),
            Refusal::RateLimited(seconds) => Self::rate_limited(seconds),
            Refusal::NoKeys(_) | Refusal::Contended => Self::unavailable(),
            Refusal::NoHash(_) | Refusal::NoToken(_) => Self::failure(false),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
