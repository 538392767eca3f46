//! The request for a user.

use std::collections::BTreeSet;

use api::{Error, FieldProblem, ProblemType, RequiredPermission, RolesWrite};
use application::representations::{parse_locale, parse_person};
use domain::{
    Applicant, Attributes, Authority, Newcomer, RoleName, StatedReason, Status, Timestamp, User, UserId,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Each role is a write of the transaction, which has at most a hundred, including the checks of the caller's
/// permissions.
const MAX_ROLES: usize = 20;

/// The user to create.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(email, example = "ada@example.com")]
    email: String,
    first_name: Option<String>,
    last_name: Option<String>,
    /// A language tag.
    locale: Option<String>,
    /// Names of roles, at most 20.
    #[serde(default)]
    roles: Vec<String>,
    /// The reason, kept with the user's events and shown to the user: 1 to 200 characters.
    reason: String,
}

/// A parsed request.
pub(crate) struct Wanted {
    applicant: Applicant,
    roles: BTreeSet<RoleName>,
    pub(crate) reason: StatedReason,
}

/// Completes the sentence "`/roles` …".
#[derive(Debug, thiserror::Error)]
enum Unacceptable {
    #[error("must be 20 at most")]
    TooManyRoles,
    #[error("must be the name of a role")]
    NoRole,
}

impl Request {
    pub(crate) fn parse(self) -> Result<Wanted, Vec<FieldProblem>> {
        let mut wrong = Vec::new();
        let names = [self.first_name.as_deref(), self.last_name.as_deref()];
        let (email, [first_name, last_name]) = parse_person(&self.email, names, &mut wrong);
        let locale = parse_locale(self.locale.as_deref(), &mut wrong);
        let roles = roles(&self.roles, &mut wrong);
        let reason = StatedReason::parse(&self.reason);
        let reason = reason.map_err(|error| wrong.push(problem("/reason", &error))).ok();
        match (email, reason) {
            (Some(email), Some(reason)) if wrong.is_empty() => {
                Ok(Wanted { applicant: Applicant { email, first_name, last_name, locale }, roles, reason })
            }
            _ => Err(wrong),
        }
    }
}

impl Wanted {
    pub(crate) fn newcomer(&self, id: UserId, now: Timestamp) -> Newcomer {
        Newcomer {
            id,
            applicant: self.applicant.clone(),
            attributes: Attributes::default(),
            status: Status::Active,
            roles: self.roles.iter().map(RoleName::to_string).collect(),
            created_at: now,
            updated_at: now,
        }
    }

    /// Checks that the caller may give the roles, which is part of creating a user with roles.
    pub(crate) fn may_be_made_by(&self, authority: &Authority, user: &User) -> Result<(), Error> {
        if !self.roles.is_empty() && !authority.has(RolesWrite::PERMISSION) {
            return Err(ProblemType::Forbidden.into());
        }
        for name in &self.roles {
            let no_role = || Error::from(vec![problem("/roles", &Unacceptable::NoRole)]);
            authority.roles().get(name).ok_or_else(no_role)?;
        }
        if authority.may_change(user, user) { Ok(()) } else { Err(ProblemType::Forbidden.into()) }
    }
}

fn roles(names: &[String], wrong: &mut Vec<FieldProblem>) -> BTreeSet<RoleName> {
    if names.len() > MAX_ROLES {
        wrong.push(problem("/roles", &Unacceptable::TooManyRoles));
        return BTreeSet::new();
    }
    let mut roles = BTreeSet::new();
    for (at, name) in names.iter().enumerate() {
        match RoleName::parse(name) {
            Ok(name) => drop(roles.insert(name)),
            Err(error) => wrong.push(problem(&format!("/roles/{at}"), &error)),
        }
    }
    roles
}

fn problem(pointer: &str, error: &impl std::error::Error) -> FieldProblem {
    FieldProblem::new(pointer, ProblemType::ValidationFailed.slug(), error)
}
