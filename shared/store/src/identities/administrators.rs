//! The count of administrators: one item, kept in the transaction of whatever makes or unmakes one.
//!
//! An item of an earlier release may count users who cannot sign in. [`Identities::recount_administrators`] puts
//! that right.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use domain::User;
use serde::{Deserialize, Serialize};

use crate::{
    Identities, StoreError,
    dynamodb::attributes::{Attributes, key, number, text, values},
    identities::keys,
    transaction::write::Write,
};

/// The partition and the sort key of the one item.
const ADMINISTRATORS: &str = "ADMINISTRATORS";

/// Set on users who have no password and were not invited. Older items lack it.
const NO_PASSWORD: &str = "no_password";

/// The stored count of administrators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdministratorCount {
    /// The number of administrators.
    pub administrators: u64,
    /// How often it has changed; `None` if an earlier release wrote it, or nothing did.
    changes: Option<u64>,
}

impl Identities {
    /// Returns the stored count of administrators.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn administrator_count(&self) -> Result<AdministratorCount, StoreError> {
        Ok(self.find(count_key()).await?.unwrap_or_default())
    }

    /// Replaces the count that was `seen`. Returns whether it did: not if it has changed since.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn recount_administrators(
        &self,
        seen: AdministratorCount,
        administrators: u64,
    ) -> Result<bool, StoreError> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(count_key()))
            .update_expression("SET administrators = :right ADD changes :one")
            .expression_attribute_values(":right", number(administrators))
            .expression_attribute_values(":one", number(1));
        let update = match seen.changes {
            Some(changes) => {
                let update = update.condition_expression("changes = :seen");
                update.expression_attribute_values(":seen", number(changes))
            }
            None => update.condition_expression("attribute_not_exists(changes)"),
        };
        is_written(update.send().await)
    }

    /// Notes that a user has no password, which items of earlier releases do not say. Returns whether it did: not
    /// if the user has changed since they were read.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn note_missing_password(&self, user: &User) -> Result<bool, StoreError> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::user(user.id)))
            .update_expression("SET #missing = :yes")
            .condition_expression("version = :version")
            .expression_attribute_names("#missing", NO_PASSWORD)
            .expression_attribute_values(":yes", text("yes"))
            .expression_attribute_values(":version", number(user.version));
        is_written(update.send().await)
    }
}

fn is_written<T>(
    updated: Result<T, aws_sdk_dynamodb::error::SdkError<UpdateItemError>>,
) -> Result<bool, StoreError> {
    let Err(error) = updated else { return Ok(true) };
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
        _ => Err(StoreError::of("UpdateItem", error)),
    }
}

/// Keeps the count of administrators if a user becomes one or ceases to be one. The last one stays, even if two
/// go concurrently.
pub(crate) fn count_administrators(was_one: bool, is_one: bool) -> Option<Write> {
    let one = || values([(":one", number(1))]);
    match (was_one, is_one) {
        (false, true) => {
            Some(Write::update(count_key(), "ADD administrators :one, changes :one").with(one()))
        }
        (true, false) => Some(
            Write::update(count_key(), "SET administrators = administrators - :one ADD changes :one")
                .only_if("administrators > :one")
                .with(one()),
        ),
        (true, true) | (false, false) => None,
    }
}

fn count_key() -> Attributes {
    key(ADMINISTRATORS, ADMINISTRATORS)
}
