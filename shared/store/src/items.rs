//! The types of items, with the names that errors give them. No other module uses this one.

#[cfg(test)]
mod tests;

use crate::dynamodb::item::Item;

/// Names each type of item, as errors do.
macro_rules! types {
    ($($item:ty: $name:literal,)*) => {
        $(impl Item for $item {
            const TYPE: &'static str = $name;
        })*
    };
}

types! {
    crate::identities::administrators::AdministratorCount: "count of administrators",
    crate::identities::credential_item::CredentialItem: "credential",
    crate::identities::credential_item::FormerEmailItem: "former address",
    crate::identities::credential_item::OwnerItem: "credential",
    crate::identities::digests::DigestItem: "digest",
    crate::identities::erasures::ErasureItem: "erasure",
    crate::identities::idempotency::ReceiptItem: "receipt",
    crate::identities::links::LinkItem: "link",
    crate::identities::links::ResetItem: "password reset request",
    crate::identities::pictures::PictureItem: "picture",
    crate::identities::public_keys::PublicKeyItem: "public key",
    crate::identities::rate_limits::AttemptsItem: "limit",
    crate::identities::registrations::PendingItem: "pending address",
    crate::identities::registrations::RegistrationItem: "registration",
    crate::identities::registrations::ResendItem: "resend request",
    crate::identities::roles::RoleItem: "role",
    crate::identities::sessions::SessionItem: "session",
    crate::identities::suppressions::SuppressionItem: "suppression",
    crate::identities::user_index::Listed: "role of a user",
    crate::identities::user_item::TombstoneItem: "tombstone",
    crate::identities::user_item::UserItem: "user",
    crate::oauth::clients::ClientItem: "client",
    crate::oauth::consents::ConsentItem: "consent",
    crate::oauth::grants::GrantItem: "grant",
    crate::operations::copy::MarkItem: "mark of a copy",
    crate::operations::scan::UserVersionItem: "user version",
    crate::outbox::event_item::DueItem: "due event",
    crate::outbox::event_item::EventItem: "event",
    crate::outbox::event_item::EventKeyItem: "event key",
    crate::outbox::event_item::EventSummary: "listed event",
    crate::outbox::event_item::QuarantinedItem: "quarantined record",
    crate::outbox::history::PublishedItem: "event",
    crate::outbox::task_runs::RunItem: "run",
    crate::user_counts::CountItem: "user count",
    crate::user_counts::CountedItem: "counted user",
}
