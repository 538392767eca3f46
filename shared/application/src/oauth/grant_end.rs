//! Ending a grant by itself.

use api::Error;
use domain::{
    EventContext,
    oauth::{Grant, GrantEnd},
};
use store::{Store, retry_on_conflict};

/// Ends a grant, unless it has ended.
///
/// # Errors
/// If the tables do not answer.
pub async fn end_grant(
    store: &Store,
    grant: &Grant,
    reason: GrantEnd,
    context: EventContext,
) -> Result<(), Error> {
    let (identities, context) = (store.identities(), &context);
    retry_on_conflict(|_| async move {
        let (user, now) = tokio::try_join!(
            identities.user(grant.user_id),
            identities.grant(grant.user_id, grant.session_id, grant.id)
        )?;
        let (Some(user), Some(grant)) = (user, now) else { return Ok(()) };
        if grant.ended_at.is_some() {
            return Ok(());
        }
        let ended = grant.end(reason, &user, context.clone());
        Ok::<_, Error>(store.answering(None).end_grant(&grant, &ended).await?)
    })
    .await
}
