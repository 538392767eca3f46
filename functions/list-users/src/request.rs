//! The search of an administrator.

use api::{FieldProblem, ProblemType};
use application::representations::{Limit, Page};
use domain::{InvalidTimestamp, StatusName, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{OrderedBy, UserFilter, UserOrder};
use thiserror::Error;

/// The longest address.
const MAX_PREFIX: usize = 254;
/// The longest name of a role.
const MAX_ROLE: usize = 64 * 4;

/// The filters, the order and the page. All parameters are optional.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Users with this status.
    status: Option<Status>,
    /// Users whose address begins with this text, ignoring case. Write domains in ASCII. Sorts by address.
    email_prefix: Option<String>,
    /// Users who have this role.
    role: Option<String>,
    /// Users who were created after this moment.
    #[schemars(extend("format" = "date-time"))]
    created_after: Option<String>,
    /// Users who were created before this moment.
    #[schemars(extend("format" = "date-time"))]
    created_before: Option<String>,
    /// The order; `-` reverses it. By default, the newest users come first, or with `email_prefix` the first
    /// address.
    sort: Option<Sort>,
    /// The highest number of entries.
    #[serde(default)]
    limit: Limit,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    Active,
    Suspended,
    Deleting,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
enum Sort {
    #[serde(rename = "created_at")]
    Created,
    #[serde(rename = "-created_at")]
    CreatedLastFirst,
    #[serde(rename = "email")]
    Email,
    #[serde(rename = "-email")]
    EmailLastFirst,
}

/// Completes the sentence "`<parameter>` …".
#[derive(Debug, Error)]
enum Unacceptable {
    #[error("must be the beginning of an address, in ASCII")]
    NoPrefix,
    #[error("must be the name of a role")]
    NoRole,
    #[error("must be `email` or `-email` where `email_prefix` is given")]
    NotByEmail,
}

impl Request {
    /// Returns the filter, the order and the page.
    pub(crate) fn parse(self) -> Result<(UserFilter, UserOrder, Page), Vec<FieldProblem>> {
        let mut wrong = Vec::new();
        let order = self.order();
        if self.email_prefix.is_some() && order.by != OrderedBy::Email {
            wrong.push(problem("/sort", &Unacceptable::NotByEmail));
        }
        let filter = UserFilter {
            status: self.status.map(Status::name),
            role: parsed("/role", self.role, &mut wrong, role),
            email_prefix: parsed("/email_prefix", self.email_prefix, &mut wrong, prefix),
            created_after: parsed("/created_after", self.created_after, &mut wrong, moment),
            created_before: parsed("/created_before", self.created_before, &mut wrong, moment),
        };
        let page = Page { limit: self.limit, cursor: self.cursor };
        if wrong.is_empty() { Ok((filter, order, page)) } else { Err(wrong) }
    }

    fn order(&self) -> UserOrder {
        let natural = if self.email_prefix.is_some() { Sort::Email } else { Sort::CreatedLastFirst };
        let (by, is_descending) = match self.sort.unwrap_or(natural) {
            Sort::Created => (OrderedBy::Creation, false),
            Sort::CreatedLastFirst => (OrderedBy::Creation, true),
            Sort::Email => (OrderedBy::Email, false),
            Sort::EmailLastFirst => (OrderedBy::Email, true),
        };
        UserOrder { by, is_descending }
    }
}

impl Status {
    const fn name(self) -> StatusName {
        match self {
            Self::Active => StatusName::Active,
            Self::Suspended => StatusName::Suspended,
            Self::Deleting => StatusName::Deleting,
        }
    }
}

/// Parses an optional parameter. Adds the problem to `wrong` if it is invalid.
fn parsed<T, E: std::error::Error>(
    pointer: &str,
    text: Option<String>,
    wrong: &mut Vec<FieldProblem>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    let parsed = parse(&text?);
    parsed.map_err(|error| wrong.push(problem(pointer, &error))).ok()
}

fn problem(pointer: &str, error: &impl std::error::Error) -> FieldProblem {
    FieldProblem::new(pointer, ProblemType::ValidationFailed.slug(), error)
}

fn moment(text: &str) -> Result<Timestamp, InvalidTimestamp> {
    text.parse()
}

fn role(text: &str) -> Result<String, Unacceptable> {
    if (1..=MAX_ROLE).contains(&text.len()) { Ok(text.to_owned()) } else { Err(Unacceptable::NoRole) }
}

/// Parses a prefix in the form of canonical addresses.
fn prefix(text: &str) -> Result<String, Unacceptable> {
    let text = text.trim();
    let is_prefix = text.bytes().all(|b| b.is_ascii_graphic()) && (1..=MAX_PREFIX).contains(&text.len());
    if is_prefix { Ok(text.to_ascii_lowercase()) } else { Err(Unacceptable::NoPrefix) }
}
