//! Grants of OAuth clients.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use domain::{
    GrantId, Session, SessionId, Timestamp, Transition, User, UserId,
    oauth::{ClientId, Consent, Grant, PresentedGrant, Scope, StartedGrant},
};
use serde::{Deserialize, Serialize};

use crate::{
    Commands, CommitError, Identities, StoreError,
    dynamodb::{
        attributes::{self, Attributes, millis, number, text, values},
        item::{self, Item},
        value::{Millis, Text, Ttl},
    },
    identities::{keys, user_item},
    transaction::write::Write,
};

const SK: &str = "GRANT#";
/// How long an ended grant is kept, so that its application still hears of the end.
const KEPT: Duration = Duration::from_hours(24);

fn key(user: UserId, session: SessionId, grant: GrantId) -> Attributes {
    attributes::key(keys::user_pk(user), format!("{SK}{session}#{grant}"))
}

/// What one conditional write made of the generation of a client's refresh token.
#[derive(Debug)]
pub enum GrantRotation {
    /// The token was of the current generation: this is the grant, one generation on.
    Rotated(Grant),
    /// Nothing was written, since the grant is this.
    Unchanged(Grant),
    /// There is no such grant.
    Missing,
}

/// What a grant hangs on.
#[derive(Clone, Debug)]
pub struct GrantContext {
    /// The user.
    pub user: User,
    /// The browser session, unless it has ended.
    pub session: Option<Session>,
    /// The user's consent to the client, if there is one.
    pub consent: Option<Consent>,
}

/// The code was redeemed before.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the code was redeemed before")]
pub struct CodeUsed;

impl Identities {
    /// Returns a grant, whether it stands or not.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn grant(
        &self,
        user: UserId,
        session: SessionId,
        grant: GrantId,
    ) -> Result<Option<Grant>, StoreError> {
        let item = self.find::<GrantItem>(key(user, session, grant)).await?;
        Ok(item.map(|item| item.grant(user, session, grant)))
    }

    /// Reads what a grant of this client hangs on, in concurrent calls; `None` if the user does not exist. User and
    /// session are of one moment.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn grant_context(
        &self,
        user: UserId,
        session: SessionId,
        client: &ClientId,
    ) -> Result<Option<GrantContext>, StoreError> {
        // Boxed, since the future of three concurrent reads is large.
        let reads = async {
            tokio::try_join!(self.user(user), self.session(user, session), self.consent(user, client))
        };
        let (user, session, consent) = Box::pin(reads).await?;
        let Some(user) = user else { return Ok(None) };
        let Some(session) = session else { return Ok(Some(GrantContext { user, session: None, consent })) };
        let id = user.id;
        Ok(match self.of_one_moment(user, session).await? {
            Some((user, session)) => Some(GrantContext { user, session: Some(session), consent }),
            None => self.user(id).await?.map(|user| GrantContext { user, session: None, consent }),
        })
    }

    /// Refreshes a grant of a client: one atomic transition from the presented generation to the next.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn rotate_grant(
        &self,
        presented: PresentedGrant,
        client: &ClientId,
        now: Timestamp,
        idle: Duration,
    ) -> Result<GrantRotation, StoreError> {
        let PresentedGrant { user_id, session_id, grant_id, generation } = presented;
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(user_id, session_id, grant_id)))
            .update_expression("SET generation = :next, rotated_at = :now, idle_expires_at = :idle")
            .condition_expression(
                "generation = :presented AND client_id = :client AND attribute_not_exists(ended_at) \
                 AND idle_expires_at > :now AND expires_at > :now",
            )
            .expression_attribute_values(":presented", number(generation))
            .expression_attribute_values(":next", number(generation.saturating_add(1)))
            .expression_attribute_values(":client", text(client.as_str()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":idle", millis(now.plus(idle)))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let (item, is_rotated) = match update.send().await {
            Ok(answer) => (answer.attributes, true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(unmet)) => (unmet.item.clone(), false),
                _ => return Err(StoreError::of("UpdateItem", error)),
            },
        };
        let Some(item) = item.filter(|item| !item.is_empty()) else { return Ok(GrantRotation::Missing) };
        let grant = GrantItem::read(item)?.grant(user_id, session_id, grant_id);
        Ok(if is_rotated { GrantRotation::Rotated(grant) } else { GrantRotation::Unchanged(grant) })
    }
}

impl Commands<'_> {
    /// Adds the grant of a code. The id that the code names is its one-time mark.
    ///
    /// # Errors
    /// [`CodeUsed`]; otherwise [`CommitError`].
    pub async fn start_grant(&self, started: &StartedGrant) -> Result<(), CommitError<CodeUsed>> {
        const GRANT: usize = 1;
        let StartedGrant { grant, user } = started;
        let item = item::write(key(grant.user_id, grant.session_id, grant.id), &GrantItem::from(grant));
        let put = Write::put(item).only_if("attribute_not_exists(pk)");
        let committed = self.commit([user_item::advance(&user.after), put], &user.event).await;
        committed.map_err(|error| error.because(|unmet| unmet.contains(&GRANT).then_some(CodeUsed)))
    }

    /// Ends a grant by itself.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if it has ended already, or the user has changed since they were read.
    pub async fn end_grant(&self, grant: &Grant, user: &Transition) -> Result<(), CommitError> {
        let now = millis(user.event.context.occurred_at);
        let end = Write::update(key(grant.user_id, grant.session_id, grant.id), "SET ended_at = :now")
            .only_if("attribute_exists(pk) AND attribute_not_exists(ended_at)")
            .with(values([(":now", now)]));
        self.commit([user_item::advance(&user.after), end], &user.event).await.map_err(CommitError::conflict)
    }
}

/// A grant.
#[derive(Serialize, Deserialize)]
pub(crate) struct GrantItem {
    client_id: Text<ClientId>,
    generation: u64,
    scope: Scope,
    offline_epoch: Option<u64>,
    authenticated_at: Millis,
    created_at: Millis,
    rotated_at: Millis,
    idle_expires_at: Millis,
    expires_at: Millis,
    ended_at: Option<Millis>,
    #[serde(skip_deserializing)]
    ttl: Ttl,
}

impl From<&Grant> for GrantItem {
    fn from(grant: &Grant) -> Self {
        Self {
            client_id: Text(grant.client_id.clone()),
            generation: grant.generation,
            scope: grant.scope.clone(),
            offline_epoch: grant.offline_epoch,
            authenticated_at: Millis(grant.authenticated_at),
            created_at: Millis(grant.created_at),
            rotated_at: Millis(grant.rotated_at),
            idle_expires_at: Millis(grant.idle_expires_at),
            expires_at: Millis(grant.expires_at),
            ended_at: grant.ended_at.map(Millis),
            ttl: Ttl::at(grant.expires_at.plus(KEPT)),
        }
    }
}

impl GrantItem {
    pub(crate) fn grant(self, user_id: UserId, session_id: SessionId, id: GrantId) -> Grant {
        Grant {
            id,
            user_id,
            session_id,
            client_id: self.client_id.into(),
            generation: self.generation,
            scope: self.scope,
            offline_epoch: self.offline_epoch,
            authenticated_at: self.authenticated_at.moment(),
            created_at: self.created_at.moment(),
            rotated_at: self.rotated_at.moment(),
            idle_expires_at: self.idle_expires_at.moment(),
            expires_at: self.expires_at.moment(),
            ended_at: self.ended_at.map(Millis::moment),
        }
    }
}
