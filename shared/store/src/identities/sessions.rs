//! Sessions: started and ended with an event, refreshed by one conditional write.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use domain::{
    Client, Credential, PasswordHash, Presented, Session, SessionId, SessionKind, StartedSession, Timestamp,
    Transition, User, UserId,
};
use serde::{Deserialize, Serialize};

use crate::{
    Commands, CommitError, Identities, InvalidItem, SessionEnded, StoreError,
    dynamodb::{
        attributes::{self, Attributes, millis, number, text, text_of, values},
        item::{self, Item},
        value::{Millis, Ttl, Yes},
    },
    identities::{credential_item, keys, user_item},
    transaction::write::Write,
};

/// What the sort keys of sessions begin with.
const SK: &str = "SESSION#";

fn key(user: UserId, session: SessionId) -> Attributes {
    attributes::key(keys::user_pk(user), format!("{SK}{session}"))
}

fn session_id(key: &Attributes) -> Result<SessionId, InvalidItem> {
    let id = text_of(key, "sk").and_then(|sk| sk.strip_prefix(SK)?.parse().ok());
    id.ok_or_else(|| SessionItem::malformed("sk"))
}

/// What one conditional write made of a refresh token's generation.
#[derive(Debug)]
pub enum Rotation {
    /// The token was of the current generation and good: this is the session, one generation on.
    Rotated(Session),
    /// Nothing was written, since the session is this.
    Unchanged(Session),
    /// There is no such session (any more).
    Missing,
}

/// A user and their sessions, newest first, expired or not.
#[derive(Clone, Debug)]
pub struct UserWithSessions {
    /// The user.
    pub user: User,
    /// The sessions.
    pub sessions: Vec<Session>,
}

impl Commands<'_> {
    /// Adds a session to a user and removes those that it ends; where `rehashed` is given, the better
    /// hash replaces the credential's.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if user or credential have changed since they were read.
    pub async fn start_session(
        &self,
        started: &StartedSession,
        rehashed: Option<(&Credential, &PasswordHash)>,
    ) -> Result<(), CommitError> {
        let StartedSession { user, session, ended, event } = started;
        let rehash = rehashed.map(|(credential, hash)| {
            credential_item::rehash(&credential.email, &credential.password_hash, hash)
        });
        let session = Write::put(item::write(key(user.id, session.id), &SessionItem::from(session)))
            .only_if("attribute_not_exists(pk)");
        let ended = ended.iter().map(|session| Write::delete(key(user.id, *session)));
        let writes = [user_item::advance(user), session].into_iter().chain(rehash).chain(ended);
        self.commit(writes, event).await.map_err(CommitError::conflict)
    }

    /// Ends the session of a user.
    ///
    /// # Errors
    /// [`SessionEnded`] if it has ended already, which causes no event; otherwise [`CommitError`].
    pub async fn end_session(
        &self,
        end: &Transition,
        session: SessionId,
    ) -> Result<(), CommitError<SessionEnded>> {
        const SESSION: usize = 1;
        let Transition { before, after, event } = end;
        let now = event.context.occurred_at;
        let session = Write::delete(key(before.id, session))
            .only_if("epoch = :epoch AND idle_expires_at > :now AND expires_at > :now")
            .with(values([(":epoch", number(before.epoch)), (":now", millis(now))]));
        let committed = self.commit([user_item::advance(after), session], event).await;
        committed.map_err(|error| error.because(|unmet| (unmet == [SESSION]).then_some(SessionEnded)))
    }

    /// Replaces a browser session whose user has authenticated again.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if user or session have changed since they were read.
    pub async fn reauthenticate(&self, session: &Session, user: &Transition) -> Result<(), CommitError> {
        let put = Write::put(item::write(key(session.user_id, session.id), &SessionItem::from(session)))
            .only_if("generation = :before AND epoch = :epoch")
            .with(values([(":before", number(session.generation - 1)), (":epoch", number(session.epoch))]));
        self.commit([user_item::advance(&user.after), put], &user.event).await.map_err(CommitError::conflict)
    }

    /// Ends every session but `kept`.
    ///
    /// # Errors
    /// [`SessionEnded`] if `kept` has ended itself; otherwise [`CommitError`].
    pub async fn end_other_sessions(
        &self,
        end: &Transition,
        kept: SessionId,
    ) -> Result<(), CommitError<SessionEnded>> {
        const KEPT: usize = 0;
        let writes = [keep(&end.after, kept)].into_iter().chain(user_item::replace(end));
        let committed = self.commit(writes, &end.event).await;
        committed.map_err(|error| error.because(|unmet| (unmet == [KEPT]).then_some(SessionEnded)))
    }
}

/// Carries a session over into the epoch that the user has just been given, if it stood in the one before.
pub(crate) fn keep(user: &User, kept: SessionId) -> Write {
    let values = values([(":epoch", number(user.epoch)), (":before", number(user.epoch - 1))]);
    Write::update(key(user.id, kept), "SET epoch = :epoch").only_if("epoch = :before").with(values)
}

impl Identities {
    /// The session, expired or not.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn session(&self, user: UserId, session: SessionId) -> Result<Option<Session>, StoreError> {
        let item = self.find::<SessionItem>(key(user, session)).await?;
        Ok(item.map(|item| item.session(user, session)))
    }

    /// Reads a user and their sessions, expired or not, in one call; `None` if the user does not exist. The
    /// user is read first: a session that was started after that makes a command on the user stale.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn user_with_sessions(&self, id: UserId) -> Result<Option<UserWithSessions>, StoreError> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .scan_index_forward(false)
            // `USER` sorts after all sessions. One page has room for some thousand of them.
            .key_condition_expression("pk = :pk AND sk BETWEEN :session AND :user")
            .expression_attribute_values(":pk", text(keys::user_pk(id)))
            .expression_attribute_values(":session", text(SK))
            .expression_attribute_values(":user", text(keys::USER));
        let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let (mut user, mut sessions) = (None, Vec::new());
        for item in answer.items.unwrap_or_default() {
            if keys::is_user(&item) && !user_item::is_tombstone(&item) {
                user = Some(user_item::parse(id, item)?);
            } else if let Ok(session) = session_id(&item) {
                sessions.push(SessionItem::read(item)?.session(id, session));
            }
        }
        Ok(user.map(|user| UserWithSessions { user, sessions }))
    }

    /// Some sessions of a user, newest first, expired or not: at most `most`, from the one after `after`
    /// on. With them comes the one to go on after, if there are more.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn sessions(
        &self,
        user: UserId,
        after: Option<SessionId>,
        most: u8,
    ) -> Result<(Vec<Session>, Option<SessionId>), StoreError> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .scan_index_forward(false)
            .key_condition_expression("pk = :pk AND begins_with(sk, :session)")
            .expression_attribute_values(":pk", text(keys::user_pk(user)))
            .expression_attribute_values(":session", text(SK))
            .limit(most.into())
            .set_exclusive_start_key(after.map(|after| key(user, after)));
        let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let read = |item: Attributes| {
            let id = session_id(&item)?;
            Ok(SessionItem::read(item)?.session(user, id))
        };
        let items = answer.items.unwrap_or_default().into_iter();
        let sessions = items.map(read).collect::<Result<_, InvalidItem>>()?;
        let next = answer.last_evaluated_key.as_ref().map(session_id).transpose()?;
        Ok((sessions, next))
    }

    /// Refreshes a session: one atomic transition from the presented generation to the next, whose
    /// condition is that the generation is current and the session has not expired.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn rotate_session(
        &self,
        presented: Presented,
        now: Timestamp,
        idle: Duration,
    ) -> Result<Rotation, StoreError> {
        let Presented { user_id, session_id, generation } = presented;
        let idle_expires_at = now.plus(idle);
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(user_id, session_id)))
            .update_expression(
                "SET generation = :next, rotated_at = :now, idle_expires_at = :idle, #ttl = :ttl",
            )
            .condition_expression("generation = :presented AND idle_expires_at > :now AND expires_at > :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":presented", number(generation))
            .expression_attribute_values(":next", number(generation.saturating_add(1)))
            .expression_attribute_values(":now", number(now.millis()))
            .expression_attribute_values(":idle", number(idle_expires_at.millis()))
            .expression_attribute_values(":ttl", number(idle_expires_at.seconds()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let (item, rotated) = match update.send().await {
            Ok(answer) => (answer.attributes, true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(unmet)) => (unmet.item.clone(), false),
                _ => return Err(StoreError::of("UpdateItem", error)),
            },
        };
        let Some(item) = item.filter(|item| !item.is_empty()) else { return Ok(Rotation::Missing) };
        let session = SessionItem::read(item)?.session(user_id, session_id);
        Ok(if rotated { Rotation::Rotated(session) } else { Rotation::Unchanged(session) })
    }
}

impl Identities {
    /// Keeps a session that is in use from running out. If it has ended meanwhile, nothing is written.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn keep_session(
        &self,
        session: &Session,
        now: Timestamp,
        idle: Duration,
    ) -> Result<(), StoreError> {
        let idle_expires_at = now.plus(idle);
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(session.user_id, session.id)))
            .update_expression("SET rotated_at = :now, idle_expires_at = :idle, #ttl = :ttl")
            .condition_expression("generation = :generation AND epoch = :epoch")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":generation", number(session.generation))
            .expression_attribute_values(":epoch", number(session.epoch))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":idle", millis(idle_expires_at))
            .expression_attribute_values(":ttl", number(idle_expires_at.seconds()));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::of("UpdateItem", error)),
            },
        }
    }
}

/// A session.
#[derive(Serialize, Deserialize)]
pub(crate) struct SessionItem {
    generation: u64,
    epoch: u64,
    browser: Option<Yes>,
    created_at: Millis,
    /// Left out as long as the user has not authenticated again.
    authenticated_at: Option<Millis>,
    rotated_at: Millis,
    idle_expires_at: Millis,
    expires_at: Millis,
    ip: Option<String>,
    user_agent: Option<String>,
    #[serde(skip_deserializing)]
    ttl: Ttl,
}

impl From<&Session> for SessionItem {
    fn from(session: &Session) -> Self {
        let Client { ip, user_agent } = session.client.clone();
        Self {
            generation: session.generation,
            epoch: session.epoch,
            browser: Yes::when(session.kind == SessionKind::Browser),
            created_at: Millis(session.created_at),
            authenticated_at: (session.authenticated_at != session.created_at)
                .then_some(Millis(session.authenticated_at)),
            rotated_at: Millis(session.rotated_at),
            idle_expires_at: Millis(session.idle_expires_at),
            expires_at: Millis(session.expires_at),
            ip,
            user_agent,
            ttl: Ttl::at(session.idle_expires_at),
        }
    }
}

impl SessionItem {
    /// Returns the session with these ids.
    pub(crate) fn session(self, user_id: UserId, id: SessionId) -> Session {
        Session {
            id,
            user_id,
            generation: self.generation,
            epoch: self.epoch,
            kind: if self.browser.is_some() { SessionKind::Browser } else { SessionKind::Api },
            created_at: self.created_at.0,
            authenticated_at: self.authenticated_at.map_or(self.created_at.0, Millis::moment),
            rotated_at: self.rotated_at.0,
            idle_expires_at: self.idle_expires_at.0,
            expires_at: self.expires_at.0,
            client: Client { ip: self.ip, user_agent: self.user_agent },
        }
    }
}
