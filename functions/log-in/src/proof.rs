//! The first part of a log-in: proving the credentials.

use api::{Anonymous, Error, ProblemType};
use application::representations::SigningKeys;
use cloud::chain;
use domain::{Credential, Email, Password, PasswordHash, Secret, User};
use hashing::{Hasher, Verdict};
use store::{Limit, UserWithSessions};
use tokens::KnownDevice;
use tracing::warn;

use crate::{LogIn, Request};

/// The name of the limits.
const LIMIT: &str = "log-in";

/// A user who has proven who they are.
pub(crate) struct Proof {
    /// The user, as read together with the password check.
    pub(crate) found: UserWithSessions,
    /// The credential that the password matched.
    pub(crate) credential: Credential,
    /// A hash of the same password with current parameters. Replaces the one of the credential.
    pub(crate) better_hash: Option<PasswordHash>,
    /// The token that makes the device known.
    pub(crate) device_token: Secret,
    /// The attempts that were reserved.
    pub(crate) reserved: Vec<Limit>,
}

impl LogIn {
    /// Checks address and password. The attempt is counted first, and every address takes the same calls and
    /// one hash.
    pub(crate) async fn prove(
        &self,
        caller: &Anonymous,
        email: &Email,
        request: &Request,
        keys: &SigningKeys,
        hasher: &Hasher,
    ) -> Result<Proof, Error> {
        // A text longer than any password is refused like every other wrong one.
        let password = Password::presented(&request.password).map_err(|_| ProblemType::InvalidCredentials)?;
        let token = request.device_token.as_ref();
        let device = token.and_then(|token| keys.issuer.open_device_token(token, email.canonical()).ok());

        let (credential, reserved) = self.reserve(caller, email, device.as_ref()).await?;
        // The line of the log names the user even if the password is wrong.
        if let Some(credential) = &credential {
            cloud::put_user(credential.user_id);
        }
        let stored = credential.as_ref().map(|credential| &credential.password_hash);
        let (verdict, found) = tokio::join!(
            cloud::timed("HashTime", hasher.verify(&password, stored)),
            self.user_and_roles(caller, credential.as_ref())
        );
        let (verdict, found) = (verdict.map_err(Error::internal)?, found?);
        let (Some(credential), Some(found)) = (credential, found) else {
            return Err(ProblemType::InvalidCredentials.into());
        };
        let better_hash = match verdict {
            Verdict::Match => None,
            Verdict::MatchButOutdated => {
                let hash = cloud::timed("HashTime", hasher.hash(&password, caller.head.random_bytes()));
                Some(hash.await.map_err(Error::internal)?)
            }
            Verdict::Mismatch => return Err(ProblemType::InvalidCredentials.into()),
        };
        let id = device.map_or_else(|| caller.head.new_id(), |device| device.id());
        let password_hash = better_hash.as_ref().unwrap_or(&credential.password_hash).clone();
        let device = KnownDevice::new(id, &Credential { password_hash, ..credential.clone() });
        let device_token = keys.issuer.device_token(&device, email.canonical());
        Ok(Proof { found, credential, better_hash, device_token, reserved })
    }

    /// Reads the credential and counts the attempt, with the same calls for every address.
    async fn reserve(
        &self,
        caller: &Anonymous,
        email: &Email,
        device: Option<&KnownDevice>,
    ) -> Result<(Option<Credential>, Vec<Limit>), Error> {
        let (identities, now) = (self.store.identities(), caller.head.now);
        let credential = async { Ok::<_, Error>(identities.credential(email.canonical()).await?) };
        let limits = self.limits_of_strangers(caller, email);
        let reserve_as_stranger = async { Ok(identities.reserve(&limits, now).await?) };
        let Some(device) = device else {
            let (credential, ()) = tokio::try_join!(credential, reserve_as_stranger)?;
            return Ok((credential, limits));
        };
        // The credential is read first: an outdated device token must not cause more calls.
        let credential = credential.await?;
        if !credential.as_ref().is_some_and(|credential| device.has_proven(credential)) {
            reserve_as_stranger.await?;
            return Ok((credential, limits));
        }
        let reserved = self.reserve_for_device(caller, device).await?;
        Ok((credential, reserved))
    }

    /// Counts the attempt of a known device. The source is counted as well, but cannot lock the device out.
    async fn reserve_for_device(
        &self,
        caller: &Anonymous,
        device: &KnownDevice,
    ) -> Result<Vec<Limit>, Error> {
        let (identities, now) = (self.store.identities(), caller.head.now);
        let of_device = [Limit::of_device(LIMIT, device.id(), self.guesses)];
        let from_source = [Limit::of_source(LIMIT, &caller.head.client, self.from_source)];
        let (admitted, counted) =
            tokio::join!(identities.reserve(&of_device, now), identities.reserve(&from_source, now));
        let counted = from_source.into_iter().filter(|_| counted.is_ok()).collect::<Vec<_>>();
        if let Err(refused) = admitted {
            self.refund(&counted).await;
            return Err(refused.into());
        }
        Ok(of_device.into_iter().chain(counted).collect())
    }

    fn limits_of_strangers(&self, caller: &Anonymous, email: &Email) -> Vec<Limit> {
        vec![
            Limit::of_address(LIMIT, email.canonical(), self.guesses),
            Limit::of_source(LIMIT, &caller.head.client, self.from_source),
        ]
    }

    /// Refunds the attempts of a successful log-in. If this fails, fewer attempts remain.
    pub(crate) async fn refund(&self, reserved: &[Limit]) {
        if let Err(failure) = self.store.identities().refund(reserved).await {
            warn!(cause = chain(&failure), "failed to refund the attempts");
        }
    }

    /// Reads the user and the roles while the password is checked. Reads a random id if the address has no
    /// credential, so that the calls are the same for every address.
    async fn user_and_roles(
        &self,
        caller: &Anonymous,
        credential: Option<&Credential>,
    ) -> Result<Option<UserWithSessions>, Error> {
        let id = credential.map_or_else(|| caller.head.new_id(), |credential| credential.user_id);
        let (found, ()) = tokio::join!(
            self.store.identities().user_with_sessions(id),
            self.grants.read_roles_ahead(caller.head.now)
        );
        let is_proven =
            |user: &User| credential.is_some_and(|credential| is_proven_by(caller, user, credential));
        Ok(found?.filter(|found| is_proven(&found.user)))
    }

    /// Reads the user again, if the credential still proves them: neither password nor address has changed.
    pub(crate) async fn user_again(
        &self,
        caller: &Anonymous,
        proven: &Credential,
    ) -> Result<UserWithSessions, Error> {
        let found = self.store.identities().user_with_sessions(proven.user_id).await?;
        let found = found.filter(|found| is_proven_by(caller, &found.user, proven));
        Ok(found.ok_or(ProblemType::InvalidCredentials)?)
    }
}

fn is_proven_by(caller: &Anonymous, user: &User, credential: &Credential) -> bool {
    user.answers_to_password(caller.head.now) && credential.proves(user)
}
