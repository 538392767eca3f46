//! `gatepost users grant-admin`: makes a user an administrator. Only this command and other administrators
//! can.

use clap::Args;
use cloud::Cloud;
use domain::{Actor, CanonicalEmail, Email, EventContext, Role, Status, User};
use serde_json::json;
use store::{Store, retry_on_conflict};

use crate::{cli::ExitCode, error::CliError, report::Report, system::System};

#[derive(Args)]
pub(super) struct GrantAdmin {
    /// The user's address
    email: String,
}

impl GrantAdmin {
    pub(super) async fn run(self, system: &System, report: &Report) -> Result<ExitCode, CliError> {
        let email = Email::parse(&self.email).map_err(|_| CliError::NoAddress(self.email))?;
        let cloud = system.cloud("grant-role")?.patient();
        let (user, is_new) = grant(&cloud, email.canonical()).await?;
        let does = if is_new { "is now" } else { "is already" };
        report.line(&format!("{} {does} an administrator; tokens say so from the next refresh on", user.id));
        report.document(json!({"user_id": user.id, "granted": is_new}));
        Ok(ExitCode::Done)
    }
}

/// Returns the user, and whether they are a new administrator.
async fn grant(cloud: &Cloud, email: &CanonicalEmail) -> Result<(User, bool), CliError> {
    let store = Store::new(cloud)?;
    let (now, random) = (cloud.clock().now(), cloud.random());
    let cause = EventContext {
        event_id: random.id(now),
        occurred_at: now,
        actor: Actor::Operator,
        correlation_id: random.uuid().to_string(),
        traceparent: None,
    };
    retry_on_conflict(|_| async {
        let user = active(&store, email).await?;
        let Some(grant) = user.grant_role(&Role::admin().name, None, cause.clone())? else {
            return Ok((user, false));
        };
        store.answering(None).change_user(&grant).await?;
        Ok((grant.after, true))
    })
    .await
}

async fn active(store: &Store, email: &CanonicalEmail) -> Result<User, CliError> {
    let identities = store.identities();
    let id = identities.owner(email).await?.ok_or(CliError::NoUserOfAddress)?;
    let user = identities.user(id).await?.ok_or(CliError::NoUserOfAddress)?;
    if user.status == Status::Active { Ok(user) } else { Err(CliError::NotActive) }
}
