//! `POST /v1/sessions`: proves who somebody is by their password, and starts a session.
//!
//! Whatever is wrong with the credentials is one answer after the same work: an unknown address
//! costs the same hash. Attempts are reserved before it: of the address and the source, or of the
//! device alone, if it has logged in here before.
//!
//! A suspended user is told so if the password is right, and only then.
//!
//! Logging in before the erasure is due cancels a deletion that the user asked for, unless they are suspended.

use std::sync::Arc;

use api::{
    Anyone, Body, Created, Endpoint, FieldProblem, Grant, Problem, ProblemType, Receipts, Route, UseCase,
};
use cloud::{Clock, Cloud, FromSecret, Random, SecretUnavailable, SettingError, chain};
use credentials::{HashFailed, Hasher, Verdict};
use domain::{
    Actor, Allowance, AttributesSchema, CanonicalEmail, Cause, Credential, Email, InvalidEmail,
    InvalidPassword, Password, Secret, SessionLimits, Status, User,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Failure, Limit, NotReserved, RecentRoles, Refused, StandingRefused, Store, UserWithSessions};
use thiserror::Error;
use tokens::{Issuer, KeyUnusable, KnownDevice};
use tokio::sync::OnceCell;
use tracing::warn;

/// What the attempts are at.
const LIMIT: &str = "log-in";

/// Starts sessions.
pub struct LogIn {
    store: Store,
    roles: RecentRoles,
    keys: FromSecret<Keys>,
    hasher: FromSecret<Hasher>,
    lifetimes: SessionLimits,
    /// Of an address, or a device.
    guesses: Allowance,
    /// From a source.
    from_source: Allowance,
    schema: AttributesSchema,
    clock: Clock,
    random: Random,
}

struct Keys {
    issuer: Issuer,
    published: OnceCell<()>,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<LogIn>, SettingError> {
    let settings = cloud.settings();
    let issuing = api::issuing(cloud)?;
    let derive = move |seeds: &domain::Seeds| {
        Some(Keys { issuer: Issuer::new(seeds, issuing.clone()).ok()?, published: OnceCell::new() })
    };
    let store = Store::new(cloud)?;
    let receipts = Receipts::new(cloud, store.identities()).sealed_by_keys(cloud)?.limited();
    let log_in = LogIn {
        roles: RecentRoles::new(store.identities()),
        store,
        keys: FromSecret::keys(cloud, derive)?,
        hasher: passwords::hasher(cloud)?,
        lifetimes: SessionLimits {
            idle: settings.seconds("SESSION_IDLE_SECONDS")?,
            absolute: settings.seconds("SESSION_ABSOLUTE_SECONDS")?,
        },
        guesses: Allowance::of_guesses(settings.parsed("LOG_IN_ATTEMPTS_PER_ADDRESS")?),
        from_source: Allowance::of_source(settings.parsed("LOG_IN_ATTEMPTS_PER_IP")?),
        schema: api::attributes_schema(cloud)?,
        clock: cloud.clock(),
        random: cloud.random(),
    };
    Endpoint::changing(cloud, log_in, receipts)?.with_log_hashes(cloud)
}

/// Who says to be whom.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(email, example = "ada@example.com")]
    email: String,
    #[schemars(with = "String", example = "correct horse battery")]
    password: Secret,
    /// From an earlier log-in on the same device.
    #[schemars(with = "Option<String>")]
    device_token: Option<Secret>,
}

/// A grant, and what makes the device known from now on.
#[derive(JsonSchema, Serialize)]
pub struct Started {
    #[serde(flatten)]
    grant: Grant,
    /// To be presented at the next log-in on this device.
    device_token: String,
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
    /// The password is right, and the user is suspended.
    #[error("the user is suspended")]
    Suspended,
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
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::InvalidCredentials,
        ProblemType::AccountSuspended,
        ProblemType::RateLimited,
        ProblemType::ValidationFailed,
    ];
    type Caller = Anyone;
    type Request = Body<Request>;
    type Response = Created<Started>;
    type Refusal = Refusal;

    fn gate(&self) -> &() {
        &()
    }

    async fn warm(&self) {
        // What fails here fails again, and is answered, at the first request.
        let (keys, _) = tokio::join!(self.keys.get(), self.hasher.get());
        if let Ok(keys) = keys {
            let _ = tokio::join!(api::warm(&keys.issuer), self.keys());
        }
    }

    fn address(Body(request): &Body<Request>) -> Option<CanonicalEmail> {
        Email::parse(&request.email).ok().map(|email| email.canonical().clone())
    }

    async fn run(&self, caller: Anyone, Body(request): Body<Request>) -> Result<Created<Started>, Refusal> {
        let email = Email::parse(&request.email)?;
        let password = Password::presented(&request.password)?;
        let (keys, hasher) = tokio::try_join!(self.keys(), async { Ok(self.hasher.get().await?) })?;
        let token = request.device_token.as_ref();
        let device = token.and_then(|token| keys.issuer.open_device_token(token, email.canonical()).ok());

        let (credential, reserved) = self.reserve(&caller, &email, device.as_ref()).await?;
        // The line of the log names the user even if the password is wrong.
        if let Some(credential) = &credential {
            cloud::put_user(credential.user_id);
        }
        let stored = credential.as_ref().map(|credential| &credential.password_hash);
        let (verdict, found) = tokio::join!(
            cloud::timed("HashTime", hasher.verify(&password, stored)),
            self.user_and_roles(credential.as_ref())
        );

        let (verdict, found) = (verdict?, found?);
        let (Some(credential), Some(found)) = (credential, found) else {
            return Err(Refusal::InvalidCredentials);
        };
        let proven = match verdict {
            Verdict::Match => credential.clone(),
            Verdict::MatchButOutdated => {
                let hash = hasher.hash(&password, self.random.bytes());
                let password_hash = cloud::timed("HashTime", hash).await?;
                Credential { password_hash, ..credential.clone() }
            }
            Verdict::Mismatch => return Err(Refusal::InvalidCredentials),
        };
        let rehashed = (verdict == Verdict::MatchButOutdated).then_some((&credential, &proven.password_hash));
        let id = device.map_or_else(|| self.random.id(self.clock.now()), |device| device.id());
        let device_token = keys.issuer.device_token(&KnownDevice::new(id, &proven), email.canonical());
        let (started, ()) = tokio::join!(
            self.start_session(&caller, (found, &proven), rehashed, (&keys.issuer, &device_token)),
            self.forgive(&reserved)
        );
        started
    }
}

impl LogIn {
    /// The keys, the signing one published: nobody is to meet a token that cannot be verified.
    async fn keys(&self) -> Result<Arc<Keys>, Refusal> {
        let keys = self.keys.get().await?;
        let public = || keys.issuer.public_key(self.clock.now());
        let identities = self.store.identities();
        keys.published.get_or_try_init(|| async { identities.publish_key(&public()).await }).await?;
        Ok(keys)
    }

    /// Reads the credential and reserves the attempt, by the same calls for every address.
    async fn reserve(
        &self,
        caller: &Anyone,
        email: &Email,
        device: Option<&KnownDevice>,
    ) -> Result<(Option<Credential>, Vec<Limit>), Refusal> {
        let (identities, now) = (self.store.identities(), self.clock.now());
        let credential = async { Ok::<_, Refusal>(identities.credential(email.canonical()).await?) };
        let limits = self.limits_of_strangers(caller, email);
        let reserve_as_stranger = async { Ok(identities.reserve(&limits, now).await?) };
        let Some(device) = device else {
            let (credential, ()) = tokio::try_join!(credential, reserve_as_stranger)?;
            return Ok((credential, limits));
        };
        // The credential comes first: a token from before the password or the address changed must not take more calls.
        let credential = credential.await?;
        if !credential.as_ref().is_some_and(|credential| device.has_proven(credential)) {
            reserve_as_stranger.await?;
            return Ok((credential, limits));
        }
        let reserved = self.reserve_for_device(caller, device).await?;
        Ok((credential, reserved))
    }

    /// Reserves the attempt of a known device. Its source counts as well, but cannot lock the device out.
    async fn reserve_for_device(&self, caller: &Anyone, device: &KnownDevice) -> Result<Vec<Limit>, Refusal> {
        let (identities, now) = (self.store.identities(), self.clock.now());
        let of_device = [Limit::of_device(LIMIT, device.id(), self.guesses)];
        let from_source = [Limit::of_source(LIMIT, &caller.head.client, self.from_source)];
        let (admitted, counted) =
            tokio::join!(identities.reserve(&of_device, now), identities.reserve(&from_source, now));
        let counted = from_source.into_iter().filter(|_| counted.is_ok()).collect::<Vec<_>>();
        if let Err(refused) = admitted {
            self.forgive(&counted).await;
            return Err(refused.into());
        }
        Ok(of_device.into_iter().chain(counted).collect())
    }

    fn limits_of_strangers(&self, caller: &Anyone, email: &Email) -> Vec<Limit> {
        vec![
            Limit::of_address(LIMIT, email.canonical(), self.guesses),
            Limit::of_source(LIMIT, &caller.head.client, self.from_source),
        ]
    }

    /// Beside the session's start. If it fails, the next attempts are fewer, no more.
    async fn forgive(&self, reserved: &[Limit]) {
        if let Err(failure) = self.store.identities().forgive(reserved).await {
            warn!(cause = chain(&failure), "attempts were not forgiven");
        }
    }

    /// Reads the user and the roles beside the hash, for every address: if it has no credential, a user who cannot
    /// exist. Roles that are not read now are read again when a session starts.
    async fn user_and_roles(
        &self,
        credential: Option<&Credential>,
    ) -> Result<Option<UserWithSessions>, Refusal> {
        let now = self.clock.now();
        let id = credential.map_or_else(|| self.random.id(now), |credential| credential.user_id);
        let (found, _) =
            tokio::join!(self.store.identities().user_with_sessions(id), self.roles.read_ahead(now));
        let is_proven =
            |user: &User| credential.is_some_and(|credential| self.is_proven_by(user, credential));
        Ok(found?.filter(|found| is_proven(&found.user)))
    }

    /// Reads the user again. Returns `None` if the credential has been replaced since it was read, or if the user may
    /// not log in.
    async fn user(&self, credential: &Credential) -> Result<Option<UserWithSessions>, Refusal> {
        let found = self.store.identities().user_with_sessions(credential.user_id).await?;
        Ok(found.filter(|found| self.is_proven_by(&found.user, credential)))
    }

    fn is_proven_by(&self, user: &User, credential: &Credential) -> bool {
        user.answers_to_password(self.clock.now()) && credential.proves(user)
    }

    async fn start_session(
        &self,
        caller: &Anyone,
        (mut found, proven): (UserWithSessions, &Credential),
        mut rehashed: Option<(&Credential, &domain::PasswordHash)>,
        (issuer, device_token): (&Issuer, &Secret),
    ) -> Result<Created<Started>, Refusal> {
        let now = self.clock.now();
        let (session_id, event_id, token_id) = (self.random.id(now), self.random.id(now), self.random.uuid());
        for _turn in 0..store::TURNS {
            let UserWithSessions { user, sessions } = self.come_back(caller, (found, proven)).await?;
            let (cause, client) = (caller.cause(event_id, now), caller.head.client.clone());
            let started = user.start_session(session_id, &sessions, &self.lifetimes, client, cause);
            let rights = self.roles.rights(&started.user, now).await?;
            let grant =
                Grant::new(issuer, &started.user, &started.session, &rights, &self.schema, token_id, now)?;
            let created = Created(Started { grant, device_token: device_token.expose().to_owned() });
            let store = self.store.answering(caller.receipt(&created));
            match store.start_session(started, rehashed.take()).await {
                Ok(()) => return Ok(created),
                Err(Refused::Failed(failure)) => return Err(failure.into()),
                Err(Refused::Stale) => found = self.again(proven).await?,
            }
        }
        Err(Refusal::Contended)
    }

    /// Cancels a pending deletion. It stays canceled even if no session is started, since the password was
    /// right. Only now is the user told that they are suspended.
    async fn come_back(
        &self,
        caller: &Anyone,
        (mut found, proven): (UserWithSessions, &Credential),
    ) -> Result<UserWithSessions, Refusal> {
        let now = self.clock.now();
        let cause = Cause { actor: Actor::User(found.user.id), ..caller.cause(self.random.id(now), now) };
        for _turn in 0..store::TURNS {
            if found.user.is_suspended() {
                return Err(Refusal::Suspended);
            }
            if found.user.status == Status::Active {
                return Ok(found);
            }
            let (back, event) = found.user.cancel_deletion(None, cause.clone());
            match self.store.answering(None).change_user((&found.user, &back), event).await {
                Ok(()) => found.user = back,
                Err(StandingRefused::Refused(Refused::Failed(failure))) => return Err(failure.into()),
                // Whoever comes back is one administrator more, never the last one.
                Err(StandingRefused::Refused(Refused::Stale) | StandingRefused::LastAdministrator) => {
                    found = self.again(proven).await?;
                }
            }
        }
        Err(Refusal::Contended)
    }

    /// The user as it is now, if what was proven still proves it: nobody has changed the password or the
    /// address meanwhile.
    async fn again(&self, proven: &Credential) -> Result<UserWithSessions, Refusal> {
        self.user(proven).await?.ok_or(Refusal::InvalidCredentials)
    }
}

impl From<NotReserved> for Refusal {
    fn from(refused: NotReserved) -> Self {
        match refused {
            NotReserved::TooMany(seconds) => Self::RateLimited(seconds),
            NotReserved::Failed(failure) => Self::NotStored(failure),
        }
    }
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
            Refusal::Suspended => Self::of(ProblemType::AccountSuspended),
            Refusal::RateLimited(seconds) => Self::rate_limited(seconds),
            Refusal::NoKeys(_) | Refusal::Contended => Self::unavailable(),
            Refusal::NoHash(_) | Refusal::NoToken(_) => Self::failure(false),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
