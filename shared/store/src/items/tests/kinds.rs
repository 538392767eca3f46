//! The types of items: what tests need to know of each.

use domain::{
    Digest, PasswordResetRequest, PublicKey, Receipt, ReceiptId, ResendRequest, Tombstone, UsersByStatus,
};
use proptest::{
    option,
    prelude::{BoxedStrategy, Strategy, any},
    sample::select,
};

use super::{
    events::events,
    values::{
        client, consent, credential, email, grant, id, link, moment, registration, role, session, user, week,
    },
};
use crate::{
    AdministratorCount, Erasure, InvalidItem, SuppressionReason,
    dynamodb::{
        attributes::{Attributes, key, millis, number, text, values},
        item::{Item, write},
        value::AsText,
    },
    identities::{
        credential_item::{CredentialItem, FormerEmailItem},
        digests::DigestItem,
        erasures::ErasureItem,
        idempotency::ReceiptItem,
        links::{LinkItem, ResetItem},
        pictures::PictureItem,
        public_keys::PublicKeyItem,
        rate_limits::AttemptsItem,
        registrations::{PendingItem, RegistrationItem, ResendItem},
        roles::RoleItem,
        sessions::SessionItem,
        suppressions::SuppressionItem,
        user_index::Listed,
        user_item::{TombstoneItem, UserItem},
    },
    oauth::{clients::ClientItem, consents::ConsentItem, grants::GrantItem},
    operations::{copy::MarkItem, scan::UserVersionItem},
    outbox::task_runs::RunItem,
    user_counts::{CountItem, CountedItem},
};

/// A type of item.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// The attributes that every item has and every reader needs.
    pub(super) required: &'static [&'static str],
    /// The attributes that are written for an index or a clean-up and not read, or that only expressions add.
    pub(super) unread: &'static [&'static str],
    /// Items of this type, as they are written.
    pub(super) items: BoxedStrategy<Attributes>,
    /// Reads an item, and writes what was read.
    pub(super) rewrite: fn(Attributes) -> Result<Attributes, InvalidItem>,
}

impl Kind {
    pub(super) fn requires(&self, attribute: &str) -> bool {
        self.required.contains(&attribute)
    }

    pub(super) fn reads(&self, attribute: &str) -> bool {
        let is_of_key = KEY.contains(&attribute) && !self.requires(attribute);
        !is_of_key && !self.unread.contains(&attribute)
    }

    pub(super) fn malformed(&self, attribute: &str) -> InvalidItem {
        InvalidItem { item: self.name, attribute: attribute.to_owned() }
    }
}

/// Returns every type of item.
pub(super) fn kinds() -> Vec<Kind> {
    people().into_iter().chain(applications()).chain(records()).chain(counters()).chain(events()).collect()
}

const KEY: [&str; 2] = ["pk", "sk"];

/// Returns the attributes of an item that are named.
fn part(item: &Attributes, names: &[&str]) -> Attributes {
    let named = item.iter().filter(|(name, _)| names.contains(&name.as_str()));
    named.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn some_key() -> Attributes {
    key("a partition", "a sort key")
}

const UUID: &str = "01a224aa-7440-7cd3-81eb-bd66493c277e";

fn some_id<T: std::str::FromStr<Err: std::fmt::Debug>>() -> T {
    UUID.parse().expect("an id")
}

fn applications() -> [Kind; 3] {
    [
        Kind {
            name: "client",
            required: &[
                "sk",
                "version",
                "name",
                "kind",
                "redirect_uris",
                "post_logout_redirect_uris",
                "grant_types",
                "scope",
                "auth_method",
                "secrets",
                "not_before",
                "created_at",
                "updated_at",
            ],
            unread: &[],
            items: client()
                .prop_map(|client| write(key("CLIENTS", client.id.as_str()), &ClientItem::from(&client)))
                .boxed(),
            rewrite: |item| {
                let key = part(&item, &KEY);
                Ok(write(key, &ClientItem::from(&ClientItem::read(item)?.client()?)))
            },
        },
        Kind {
            name: "consent",
            required: &["scope", "granted_at", "not_before"],
            unread: &[],
            items: consent().prop_map(|consent| write(some_key(), &ConsentItem::from(&consent))).boxed(),
            rewrite: |item| {
                let key = part(&item, &KEY);
                let client = domain::oauth::ClientId::parse("shop").expect("a client id");
                Ok(write(key, &ConsentItem::from(&ConsentItem::read(item)?.consent(some_id(), &client))))
            },
        },
        Kind {
            name: "grant",
            required: &[
                "client_id",
                "generation",
                "scope",
                "authenticated_at",
                "created_at",
                "rotated_at",
                "idle_expires_at",
                "expires_at",
            ],
            unread: &["ttl"],
            items: grant().prop_map(|grant| write(some_key(), &GrantItem::from(&grant))).boxed(),
            rewrite: |item| {
                let key = part(&item, &KEY);
                let grant = GrantItem::read(item)?.grant(some_id(), some_id(), some_id());
                Ok(write(key, &GrantItem::from(&grant)))
            },
        },
    ]
}

fn people() -> [Kind; 6] {
    [
        Kind {
            name: "user",
            required: &[
                "version",
                "epoch",
                "credential_version",
                "status",
                "email",
                "roles",
                "created_at",
                "updated_at",
            ],
            unread: &["canonical_email", "list_pk", "list_sk"],
            items: user()
                .prop_map(|user| write(crate::identities::keys::user(user.id), &UserItem::from(&user)))
                .boxed(),
            rewrite: |item| {
                let (key, id) = (part(&item, &KEY), crate::identities::user_item::id(&item)?);
                Ok(write(key, &UserItem::from(&crate::identities::user_item::parse(id, item)?)))
            },
        },
        Kind {
            name: "credential",
            required: &["user_id", "credential_version", "password_hash", "pepper_id", "previous_hashes"],
            unread: &[],
            items: credential(|it| write(some_key(), &CredentialItem::from(it))).boxed(),
            rewrite: |item| {
                let key = part(&item, &KEY);
                let email = domain::Email::parse("ada@example.com").expect("an address");
                let credential = CredentialItem::read(item)?.credential(email.canonical());
                Ok(write(key, &CredentialItem::from(&credential)))
            },
        },
        Kind {
            name: "session",
            required: &["generation", "epoch", "created_at", "rotated_at", "idle_expires_at", "expires_at"],
            unread: &["ttl"],
            items: session().prop_map(|session| write(some_key(), &SessionItem::from(&session))).boxed(),
            rewrite: |item| {
                let (key, uuid) = (part(&item, &KEY), "01a224aa-7440-7cd3-81eb-bd66493c277e");
                let ids = (uuid.parse().expect("an id"), uuid.parse().expect("an id"));
                Ok(write(key, &SessionItem::from(&SessionItem::read(item)?.session(ids.0, ids.1))))
            },
        },
        Kind {
            name: "registration",
            required: &["email", "expires_at"],
            unread: &["canonical_email", "ttl"],
            items: registration(|it| write(some_key(), &RegistrationItem::from(it))).boxed(),
            rewrite: |item| {
                let id = "01a224aa-7440-7cd3-81eb-bd66493c277e".parse().expect("an id");
                let key = part(&item, &KEY);
                Ok(write(key, &RegistrationItem::from(&RegistrationItem::read(item)?.registration(id)?)))
            },
        },
        Kind {
            name: "link",
            required: &["bound_to", "expires_at"],
            unread: &["ttl"],
            items: link().prop_map(|link| write(some_key(), &LinkItem::from(&link))).boxed(),
            rewrite: |item| {
                let key = part(&item, &KEY);
                Ok(write(key, &LinkItem::from(&LinkItem::read(item)?.into())))
            },
        },
        Kind {
            name: "role",
            required: &["sk", "version"],
            unread: &[],
            items: role()
                .prop_map(|role| write(key("ROLES", role.name.as_str()), &RoleItem::from(&role)))
                .boxed(),
            rewrite: |item| {
                let key = part(&item, &KEY);
                Ok(write(key, &RoleItem::from(&RoleItem::read(item)?.role()?)))
            },
        },
    ]
}

/// Reads an item, and writes the same struct with the attributes that are not read as they were.
pub(super) fn again<I: Item + serde::Serialize>(
    item: Attributes,
    unread: &[&str],
) -> Result<Attributes, InvalidItem> {
    let kept = part(&item, &[&KEY, unread].concat());
    let mut written = write(Attributes::new(), &I::read(item)?);
    written.extend(kept);
    Ok(written)
}

/// Returns the types of which an item is put as a whole.
#[expect(clippy::too_many_lines, reason = "a table of types")]
fn records() -> Vec<Kind> {
    let resend = (id(), email(), moment()).prop_map(|(id, email, expires_at)| {
        let request = ResendRequest { id, email: email.canonical().clone(), expires_at };
        write(some_key(), &ResendItem::from(&request))
    });
    let reset = (id(), email(), moment()).prop_map(|(id, email, expires_at)| {
        let request = PasswordResetRequest { id, email: email.canonical().clone(), expires_at };
        write(some_key(), &ResetItem::from(&request))
    });
    let receipt = (any::<[u8; 32]>(), any::<Vec<u8>>(), moment()).prop_map(|(id, sealed, expires_at)| {
        let receipt = Receipt { id: ReceiptId::from_bytes(id), sealed, expires_at };
        write(some_key(), &ReceiptItem::from(&receipt))
    });
    let key_of = (["\\PC{1,43}", "\\PC{0,300}", "[A-Z0-9]{1,9}"], moment(), option::of(moment()));
    let public_key = key_of.prop_map(|([kid, jwk, algorithm], not_before, retire_at)| {
        let public = PublicKey { kid, jwk, algorithm, not_before, retire_at };
        write(key("KEYS", &public.kid), &PublicKeyItem::from(&public))
    });
    let suppression = ("[A-Za-z0-9_-]{43}", any::<bool>(), moment()).prop_map(|(hash, is_bounce, since)| {
        let reason = if is_bounce { SuppressionReason::Bounce } else { SuppressionReason::Complaint };
        let mut item = key(format!("SUPPRESSION#{hash}"), "SUPPRESSION");
        item.extend(values([("reason", text(reason.name())), ("since", millis(since))]));
        item
    });
    let digest = (week(), moment(), any::<[u64; 3]>()).prop_map(
        |(week, written_at, [active, suspended, deleting])| {
            let digest = Digest { week, written_at, users: UsersByStatus { active, suspended, deleting } };
            write(some_key(), &DigestItem::from(&digest))
        },
    );
    let tombstone =
        (id(), any::<u64>(), moment(), moment()).prop_map(|(id, version, created_at, erased_at)| {
            write(some_key(), &TombstoneItem::from(Tombstone { id, version, created_at, erased_at }))
        });
    let pending = (id::<()>(), moment()).prop_map(|(id, ttl)| {
        let mut item = some_key();
        item.extend(values([("registration_id", text(id.to_string())), ("ttl", number(ttl.seconds()))]));
        item
    });
    let former = (email(), moment()).prop_map(|(email, at)| {
        let mut item = some_key();
        item.extend(values([
            ("email", text(email.address())),
            ("expires_at", millis(at)),
            ("ttl", number(at.seconds())),
        ]));
        item
    });
    let picture = (id::<()>(), any::<Vec<u8>>()).prop_map(|(id, octets)| {
        let mut item = some_key();
        item.extend(values([
            ("id", text(id.to_string())),
            ("octets", crate::dynamodb::attributes::bytes(&octets)),
        ]));
        item
    });
    let mark = (["\\PC{0,30}", "\\PC{0,30}"], moment(), option::of(moment())).prop_map(
        |([source, run], at, proven_at)| {
            let mut item = some_key();
            item.extend(values([
                ("source", text(source)),
                ("held_by", text(run)),
                ("created_at", millis(at)),
            ]));
            item.extend(proven_at.map(|at| ("proven_at".to_owned(), millis(at))));
            item
        },
    );
    let listed = user().prop_map(|user| write(some_key(), &Listed::by_status(&user)));
    vec![
        Kind {
            name: "resend request",
            required: &["canonical_email"],
            unread: &["ttl"],
            items: resend.boxed(),
            rewrite: |item| again::<ResendItem>(item, &["ttl"]),
        },
        Kind {
            name: "password reset request",
            required: &["canonical_email", "expires_at"],
            unread: &["ttl"],
            items: reset.boxed(),
            rewrite: |item| again::<ResetItem>(item, &["ttl"]),
        },
        Kind {
            name: "receipt",
            required: &["answer", "expires_at"],
            unread: &["ttl"],
            items: receipt.boxed(),
            rewrite: |item| {
                let key = part(&item, &KEY);
                let receipt = ReceiptItem::read(item)?.receipt(ReceiptId::from_bytes([0; 32]));
                Ok(write(key, &ReceiptItem::from(&receipt)))
            },
        },
        Kind {
            name: "public key",
            required: &["sk", "jwk", "algorithm", "not_before"],
            unread: &["ttl"],
            items: public_key.boxed(),
            rewrite: |item| {
                let (key, ttl) = (part(&item, &KEY), part(&item, &["ttl"]));
                let mut written = write(key, &PublicKeyItem::from(&PublicKeyItem::read(item)?.into()));
                written.extend(ttl);
                Ok(written)
            },
        },
        Kind {
            name: "suppression",
            required: &["pk", "reason", "since"],
            unread: &[],
            items: suppression.boxed(),
            rewrite: |item| again::<SuppressionItem>(item, &[]),
        },
        Kind {
            name: "digest",
            required: &["week", "written_at", "active", "suspended", "deleting"],
            unread: &[],
            items: digest.boxed(),
            rewrite: |item| {
                let key = part(&item, &KEY);
                Ok(write(key, &DigestItem::from(&Digest::from(DigestItem::read(item)?))))
            },
        },
        Kind {
            name: "tombstone",
            required: &["version", "status", "created_at", "erased_at"],
            unread: &[],
            items: tombstone.boxed(),
            rewrite: |item| again::<TombstoneItem>(item, &[]),
        },
        Kind {
            name: "pending address",
            required: &["registration_id"],
            unread: &["ttl"],
            items: pending.boxed(),
            rewrite: |item| again::<PendingItem>(item, &["ttl"]),
        },
        Kind {
            name: "former address",
            required: &["email", "expires_at"],
            unread: &["ttl"],
            items: former.boxed(),
            rewrite: |item| again::<FormerEmailItem>(item, &["ttl"]),
        },
        Kind {
            name: "picture",
            required: &["id", "octets"],
            unread: &[],
            items: picture.boxed(),
            rewrite: |item| again::<PictureItem>(item, &[]),
        },
        Kind {
            name: "mark of a copy",
            required: &["source", "held_by", "created_at"],
            unread: &[],
            items: mark.boxed(),
            rewrite: |item| again::<MarkItem>(item, &[]),
        },
        Kind {
            name: "role of a user",
            required: &["list_pk", "list_sk"],
            unread: &[],
            items: listed.boxed(),
            rewrite: |item| again::<Listed>(item, &[]),
        },
    ]
}

/// Returns the types that only expressions write, and those of keys.
fn counters() -> [Kind; 7] {
    let administrators = (any::<u64>(), option::of(any::<u64>())).prop_map(|(count, changes)| {
        let mut item = some_key();
        item.extend(values([("administrators", number(count))]));
        item.extend(changes.map(|changes| ("changes".to_owned(), number(changes))));
        item
    });
    let attempts = (any::<u32>(), moment()).prop_map(|(count, last_at)| {
        let mut item = some_key();
        item.extend(values([
            ("attempts", number(count)),
            ("last_at", millis(last_at)),
            ("ttl", number(last_at.seconds())),
        ]));
        item
    });
    let ends = (option::of("\\PC{0,30}"), option::of(moment()));
    let run = (moment(), moment(), ends).prop_map(|(began_at, ended_at, (failed, succeeded_at))| {
        let mut item = values([("began_at", millis(began_at)), ("ended_at", millis(ended_at))]);
        item.extend(failed.map(|why| ("why_failed".to_owned(), text(why))));
        item.extend(succeeded_at.map(|at| ("succeeded_at".to_owned(), millis(at))));
        item
    });
    let count = (any::<[Option<u64>; 3]>(), moment()).prop_map(|(counts, as_of)| {
        let mut item = values([("as_of", millis(as_of))]);
        let counts = ["active", "suspended", "deleting"].into_iter().zip(counts);
        item.extend(counts.filter_map(|(name, count)| Some((name.to_owned(), number(count?)))));
        item
    });
    let counted = (id::<()>(), select(vec!["active", "suspended", "deleting"])).prop_map(|(id, status)| {
        values([("subject", text(format!("counted#{id}"))), ("status", text(status))])
    });
    let erasure = (id(), moment())
        .prop_map(|(user_id, due_at)| key("ERASURES", AsText::text(&Erasure { user_id, due_at })));
    let version = (any::<u64>(), moment())
        .prop_map(|(version, at)| values([("version", number(version)), ("created_at", millis(at))]));
    [
        Kind {
            name: "count of administrators",
            required: &["administrators"],
            unread: &[],
            items: administrators.boxed(),
            rewrite: |item| again::<AdministratorCount>(item, &[]),
        },
        Kind {
            name: "limit",
            required: &["attempts", "last_at"],
            unread: &["ttl"],
            items: attempts.boxed(),
            rewrite: |item| again::<AttemptsItem>(item, &["ttl"]),
        },
        Kind {
            name: "run",
            required: &["began_at", "ended_at"],
            unread: &[],
            items: run.boxed(),
            rewrite: |item| again::<RunItem>(item, &["stream", "seq"]),
        },
        Kind {
            name: "user count",
            required: &["as_of"],
            unread: &[],
            items: count.boxed(),
            rewrite: |item| again::<CountItem>(item, &["subject"]),
        },
        Kind {
            name: "counted user",
            required: &["subject", "status"],
            unread: &[],
            items: counted.boxed(),
            rewrite: |item| again::<CountedItem>(item, &[]),
        },
        Kind {
            name: "erasure",
            required: &["sk"],
            unread: &[],
            items: erasure.boxed(),
            rewrite: |item| again::<ErasureItem>(item, &[]),
        },
        Kind {
            name: "user version",
            required: &["version", "created_at"],
            unread: &[],
            items: version.boxed(),
            rewrite: |item| again::<UserVersionItem>(item, &[]),
        },
    ]
}
