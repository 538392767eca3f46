//! The names of fields that contain the status of an account.

/// The words for a status, in the form that [`is_status`] compares.
const STATUSES: [&str; 19] = [
    "activated",
    "active",
    "archived",
    "ban",
    "banned",
    "banexpires",
    "blocked",
    "deactivated",
    "deleted",
    "disabled",
    "enabled",
    "expired",
    "inactive",
    "locked",
    "lockedout",
    "lockoutend",
    "nonlocked",
    "status",
    "suspended",
];
const PREFIXES: [&str; 4] = ["is", "user", "account", "soft"];
const SUFFIXES: [&str; 5] = ["at", "on", "until", "date", "time"];

/// Returns whether a field looks like a status, e.g. `disabled`, `is_active`, `lockedAt`, `custom:status`.
pub(super) fn is_status(name: &str) -> bool {
    let last = name.rsplit(['.', ':']).next().unwrap_or(name);
    let name: String = last.chars().filter(char::is_ascii_alphanumeric).collect();
    let mut name = name.to_ascii_lowercase();
    for prefix in PREFIXES {
        name = name.strip_prefix(prefix).map(str::to_owned).unwrap_or(name);
    }
    let is_known = |name: &str| STATUSES.contains(&name);
    is_known(&name) || SUFFIXES.iter().any(|suffix| name.strip_suffix(suffix).is_some_and(is_known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_found_under_the_names_of_all_systems() {
        for name in [
            "disabled",
            "Disabled",
            "banned",
            "banExpires",
            "blocked",
            "is_active",
            "isActive",
            "active",
            "enabled",
            "account_enabled",
            "locked_at",
            "lockedUntil",
            "lockout_end",
            "deleted_at",
            "deletedAt",
            "soft_deleted",
            "suspended",
            "suspended_on",
            "user_status",
            "accountStatus",
            "accountNonLocked",
            "custom:status",
            "app_metadata.blocked",
        ] {
            assert!(is_status(name), "{name}");
        }
    }

    #[test]
    fn other_fields_are_not_a_status() {
        for name in [
            "email",
            "email_verified",
            "cognito:mfa_enabled",
            "email_change_confirm_status",
            "last_active_at",
            "is_staff",
            "is_sso_user",
            "confirmed_at",
            "updated_at",
            "date_joined",
            "state",
            "",
            "é",
        ] {
            assert!(!is_status(name), "{name}");
        }
    }
}
