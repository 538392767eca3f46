//! `gatepost users grant-admin`: makes somebody an administrator. There is none who was not made one by this,
//! or by another administrator.

use clap::{Arg, ArgMatches, Command};
use cloud::Cloud;
use domain::{Actor, CanonicalEmail, Email, EventContext, Role, Status, User};
use serde_json::json;
use store::{Store, retry_on_conflict};

use super::UsersError;
use crate::{outbox::Ended, report::Report, system::System};

pub(super) fn command() -> Command {
    Command::new("grant-admin")
        .about(
            "Make a user an administrator: grant the role admin, which has all of Gatepost's own permissions",
        )
        .arg(Arg::new("email").value_name("EMAIL").required(true).help("The user's address"))
}

pub(super) async fn run(
    system: &System,
    report: &Report,
    arguments: &ArgMatches,
) -> Result<Ended, UsersError> {
    let address = arguments.get_one::<String>("email").map(String::as_str).unwrap_or_default();
    let email = Email::parse(address).map_err(|_| UsersError::NoAddress)?;
    let cloud = system.cloud("grant-role")?.patient();
    let (user, is_new) = grant(&cloud, email.canonical()).await?;
    let does = if is_new { "is now" } else { "is already" };
    report.line(&format!("{} {does} an administrator; tokens say so from the next refresh on", user.id));
    report.document(json!({"user_id": user.id, "granted": is_new}));
    Ok(Ended::Well)
}

/// The user, and whether they had not been an administrator before.
async fn grant(cloud: &Cloud, email: &CanonicalEmail) -> Result<(User, bool), UsersError> {
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

async fn active(store: &Store, email: &CanonicalEmail) -> Result<User, UsersError> {
    let identities = store.identities();
    let id = identities.owner(email).await?.ok_or(UsersError::NobodyThere)?;
    let user = identities.user(id).await?.ok_or(UsersError::NobodyThere)?;
    if user.status == Status::Active { Ok(user) } else { Err(UsersError::NotActive) }
}
