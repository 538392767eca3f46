//! Limits: attempts are reserved before the work, each by one conditional write.
//!
//! An item says how many attempts there were and when the last one was made; [`RateLimit`] decides
//! what that means. While attempts are free, the write needs no read before. Afterwards what the
//! refused write found is compared and set, so that of many at once one is admitted.

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::{
    Config, config::retry::RetryConfig, operation::update_item::UpdateItemError,
    types::ReturnValuesOnConditionCheckFailure,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cloud::{Cloud, SettingError};
use domain::{
    Attempts, CanonicalEmail, Client, DeviceId, RateLimit, ReceiptId, RegistrationId, Timestamp, UserId,
};
use futures_util::future::{join_all, try_join_all};
use serde::Deserialize;

use crate::{
    Identities, StoreError,
    dynamodb::{
        attributes::{Attributes, key, number},
        item::Item,
        value::Millis,
    },
};

/// How often a reservation is tried while concurrent ones change the item. After that, the caller has to wait.
const MAX_ATTEMPTS: usize = 4;

/// What somebody may try only so often.
#[derive(Clone, Debug)]
pub struct Limit {
    pk: String,
    rate: RateLimit,
    /// Somebody else's success says nothing of the others who share it.
    is_shared: bool,
}

/// How many mails of each kind may be requested, to addresses that are not proven.
#[derive(Clone, Copy, Debug)]
pub struct MailLimits {
    to_address: RateLimit,
    from_source: RateLimit,
}

impl MailLimits {
    /// Those that the deployment has set.
    ///
    /// # Errors
    /// If a setting is missing or unusable.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let settings = cloud.settings();
        Ok(Self {
            to_address: RateLimit::of_mails(settings.parsed("MAIL_REQUESTS_PER_ADDRESS")?),
            from_source: RateLimit::of_source(settings.parsed("MAIL_REQUESTS_PER_IP")?),
        })
    }

    /// Returns the limits that one anonymous request of this kind reserves: address and source.
    #[must_use]
    pub fn of(&self, kind: &str, email: &CanonicalEmail, client: &Client) -> [Limit; 2] {
        [Limit::of_address(kind, email, self.to_address), Limit::of_source(kind, client, self.from_source)]
    }

    /// Returns the limits that a request by the user `asking` reserves: address, asking user and source. Users may
    /// request as many mails as one address may get, to whatever addresses.
    #[must_use]
    pub fn by_user(&self, kind: &str, asking: UserId, email: &CanonicalEmail, client: &Client) -> [Limit; 3] {
        let [address, source] = self.of(kind, email, client);
        [address, Limit::of_asking_user(kind, asking, self.to_address), source]
    }

    /// Returns the limits that a request by the administrator `asking` reserves: address, administrator and
    /// source. Administrators write to many addresses, so they may request as many mails as one source.
    #[must_use]
    pub fn by_administrator(
        &self,
        kind: &str,
        asking: UserId,
        email: &CanonicalEmail,
        client: &Client,
    ) -> [Limit; 3] {
        let [address, source] = self.of(kind, email, client);
        [address, Limit::of_asking_user(kind, asking, self.from_source), source]
    }

    /// Returns the limits that an administrator's request for a mail to an existing user reserves: the user stands
    /// for the address.
    #[must_use]
    pub fn to_user(&self, kind: &str, asking: UserId, user: UserId, client: &Client) -> [Limit; 3] {
        [
            Limit::of_user(kind, user, self.to_address),
            Limit::of_asking_user(kind, asking, self.from_source),
            Limit::of_source(kind, client, self.from_source),
        ]
    }
}

/// Why an attempt must not be made.
#[derive(Debug, thiserror::Error)]
pub enum RateLimitError {
    /// There were too many; come back after so many seconds.
    #[error("too many attempts")]
    TooMany(u32),
    /// The attempt could not be counted.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

impl Limit {
    /// Of an address, whether anybody has it or not.
    #[must_use]
    pub fn of_address(kind: &str, email: &CanonicalEmail, rate_limit: RateLimit) -> Self {
        Self::new(kind, "address", email.as_str().as_bytes(), rate_limit)
    }

    /// Of a user.
    #[must_use]
    pub fn of_user(kind: &str, user: UserId, rate_limit: RateLimit) -> Self {
        Self::new(kind, "user", user.uuid().as_bytes(), rate_limit)
    }

    /// The limit of a user who asks for something on behalf of others, counted apart from what is done to that user.
    #[must_use]
    pub fn of_asking_user(kind: &str, user: UserId, rate_limit: RateLimit) -> Self {
        Self::new(kind, "asking-user", user.uuid().as_bytes(), rate_limit)
    }

    /// The limit of a registration, whether it exists or not.
    #[must_use]
    pub fn of_registration(kind: &str, id: RegistrationId, rate_limit: RateLimit) -> Self {
        Self::new(kind, "registration", id.uuid().as_bytes(), rate_limit)
    }

    /// Of a device that is known.
    #[must_use]
    pub fn of_device(kind: &str, device: DeviceId, rate_limit: RateLimit) -> Self {
        Self::new(kind, "device", device.uuid().as_bytes(), rate_limit)
    }

    /// Returns the limit for the request that an `Idempotency-Key` stands for. A success gives one attempt back and keeps
    /// the others, which may be another caller's.
    #[must_use]
    pub fn of_receipt(kind: &str, receipt: ReceiptId, rate_limit: RateLimit) -> Self {
        let limit = Self::new(kind, "receipt", receipt.bytes(), rate_limit);
        Self { is_shared: true, ..limit }
    }

    /// Of the source of a request. One subscriber has a whole /64 of IPv6.
    #[must_use]
    pub fn of_source(kind: &str, client: &Client, rate_limit: RateLimit) -> Self {
        let ip = client.ip.as_deref().and_then(|ip| ip.parse::<IpAddr>().ok());
        let network = ip.map(|ip| match ip.to_canonical() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets()[..8].to_vec(),
        });
        let limit = Self::new(kind, "source", &network.unwrap_or_default(), rate_limit);
        Self { is_shared: true, ..limit }
    }

    /// The key is hashed: an item may outlive the erasure of whom it is about by a day.
    fn new(kind: &str, of: &str, key: &[u8], rate_limit: RateLimit) -> Self {
        let key = URL_SAFE_NO_PAD.encode(digest(&SHA256, key));
        Self { pk: format!("LIMIT#{kind}#{of}#{key}"), rate: rate_limit, is_shared: false }
    }

    fn key(&self) -> Attributes {
        key(&self.pk, "LIMIT")
    }
}

impl Identities {
    /// Reserves an attempt at each limit, or at none: to be called before the work. Refused attempts
    /// do not count.
    ///
    /// # Errors
    /// [`RateLimitError`].
    pub async fn reserve(&self, limits: &[Limit], now: Timestamp) -> Result<(), RateLimitError> {
        let outcomes = join_all(limits.iter().map(|limit| self.reserve_one(limit, now))).await;
        if outcomes.iter().any(Result::is_err) {
            let reserved = limits.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok());
            // If this fails, the attempt counts although it was not made: nobody gains by it.
            let _ = try_join_all(reserved.map(|(limit, _)| self.give_back(limit))).await;
        }
        let longest = |one: RateLimitError, other: RateLimitError| match (&one, &other) {
            (RateLimitError::TooMany(this), RateLimitError::TooMany(that)) if this < that => other,
            (RateLimitError::TooMany(_), RateLimitError::Failed(_)) => other,
            _ => one,
        };
        outcomes.into_iter().filter_map(Result::err).reduce(longest).map_or(Ok(()), Err)
    }

    /// Takes back what was reserved for an attempt that succeeded: it was no guess. What only this
    /// person can reach is forgotten; what others share gets the one attempt back.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn refund(&self, limits: &[Limit]) -> Result<(), StoreError> {
        let refund = async |limit: &Limit| {
            if limit.is_shared { self.give_back(limit).await } else { self.forget(limit).await }
        };
        try_join_all(limits.iter().map(refund)).await.map(drop)
    }

    async fn reserve_one(&self, limit: &Limit, now: Timestamp) -> Result<(), RateLimitError> {
        let mut seen = None;
        for _attempt in 0..MAX_ATTEMPTS {
            let after = limit.rate.admit(seen, now);
            let after = after.map_err(|wait| RateLimitError::TooMany(whole_seconds(wait)))?;
            match self.remember(limit, seen, after).await? {
                Outcome::Remembered => return Ok(()),
                Outcome::Found(found) => seen = found,
            }
        }
        Err(RateLimitError::TooMany(1))
    }

    /// Writes down an attempt that is admitted if all is as it was `seen`, or if it is free anyway.
    async fn remember(
        &self,
        limit: &Limit,
        seen: Option<Attempts>,
        after: Attempts,
    ) -> Result<Outcome, StoreError> {
        let RateLimit { free, forgotten_after, .. } = limit.rate;
        let (now, ttl) = (after.last_at, after.last_at.plus(forgotten_after));
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(limit.key()))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", number(now.millis()))
            .expression_attribute_values(":ttl", number(ttl.seconds()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = match seen {
            Some(seen) if after.count == 1 || after.count > free => update
                .update_expression("SET attempts = :after, last_at = :now, #ttl = :ttl")
                .condition_expression("attempts = :seen AND last_at = :seen_at")
                .expression_attribute_values(":after", number(after.count))
                .expression_attribute_values(":seen", number(seen.count))
                .expression_attribute_values(":seen_at", number(seen.last_at.millis())),
            _ => update
                .update_expression("SET last_at = :now, #ttl = :ttl ADD attempts :one")
                .condition_expression(
                    "attribute_not_exists(pk) OR (attempts < :free AND last_at > :forgotten)",
                )
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":free", number(free))
                .expression_attribute_values(":forgotten", number(now.minus(forgotten_after).millis())),
        };
        let Err(error) = update.send().await else { return Ok(Outcome::Remembered) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(unmet)) => {
                let found = unmet.item.clone().filter(|item| !item.is_empty());
                Ok(Outcome::Found(found.map(AttemptsItem::read).transpose()?.map(Attempts::from)))
            }
            _ => Err(StoreError::of("UpdateItem", error)),
        }
    }

    async fn give_back(&self, limit: &Limit) -> Result<(), StoreError> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(limit.key()))
            .update_expression("ADD attempts :one_less")
            .condition_expression("attempts > :none")
            .expression_attribute_values(":one_less", number(-1))
            .expression_attribute_values(":none", number(0));
        // Tried again after a lost answer, it would give back an attempt that was made.
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let Err(error) = update.customize().config_override(once).send().await else { return Ok(()) };
        match error.as_service_error() {
            // It is forgotten already.
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
            _ => Err(StoreError::of("UpdateItem", error)),
        }
    }

    async fn forget(&self, limit: &Limit) -> Result<(), StoreError> {
        let delete = self.dynamodb.delete_item().table_name(&self.table).set_key(Some(limit.key()));
        delete.send().await.map(drop).map_err(|error| StoreError::of("DeleteItem", error))
    }
}

/// What became of a write.
enum Outcome {
    Remembered,
    /// Nothing was written, since this is there.
    Found(Option<Attempts>),
}

/// The attempts at a limit. Only expressions write them.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct AttemptsItem {
    attempts: u32,
    last_at: Millis,
}

impl From<AttemptsItem> for Attempts {
    fn from(AttemptsItem { attempts, last_at }: AttemptsItem) -> Self {
        Self { count: attempts, last_at: last_at.0 }
    }
}

/// Rounded up: whoever waits as long as they are told is not told to wait again.
fn whole_seconds(wait: std::time::Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}
