//! Values of the domain.

use std::fmt;

use domain::{
    Applicant, Attributes as CustomAttributes, Client, Credential, Email, Id, Link, LinkHash, Locale, Name,
    PasswordHash, Permission, Registration, RegistrationTokenHash, Role, RoleName, Session, SessionKind,
    Status, Timestamp, User, Week,
    oauth::{
        self, AuthMethod, ClientId, ClientKind, ClientName, ClientSecret, Consent, Grant, GrantType,
        RedirectUri, Scope, SecretHash,
    },
};
use proptest::{
    collection::{btree_set, vec},
    option,
    prelude::{Just, Strategy, any},
    prop_oneof,
    sample::select,
};

pub(super) fn moment() -> impl Strategy<Value = Timestamp> {
    (0..253_402_300_800_000_i64).prop_map(Timestamp::from_millis)
}

pub(super) fn id<Kind: 'static>() -> impl Strategy<Value = Id<Kind>> {
    (moment(), any::<[u8; 10]>()).prop_map(|(now, random)| Id::new(now, random))
}

pub(super) fn email() -> impl Strategy<Value = Email> {
    "[a-zA-Z0-9+]{1,20}@[a-zA-Z]{1,20}\\.(com|Example)"
        .prop_filter_map("an address", |text| Email::parse(&text).ok())
}

/// A PHC string and the id of a pepper.
fn hash() -> impl Strategy<Value = [String; 2]> {
    ["\\$[ -~]{0,80}", "[a-zA-Z0-9_-]{1,12}"]
}

fn password_hash([phc, pepper_id]: [String; 2]) -> PasswordHash {
    PasswordHash { phc, pepper_id }
}

fn name() -> impl Strategy<Value = Name> {
    "\\PC{1,50}".prop_filter_map("a name", |text| Name::parse(&text).ok())
}

fn locale() -> impl Strategy<Value = Locale> {
    select(vec!["de", "pt-BR", "zh-Hant-TW", "x-private"])
        .prop_filter_map("a tag", |tag| Locale::parse(tag).ok())
}

fn attributes() -> impl Strategy<Value = CustomAttributes> {
    let texts = ["{}", r#"{"plan":"pro"}"#, r#"{"beta":true,"seats":12,"note":"\"ü\" \\ 🦀"}"#];
    select(texts.to_vec()).prop_filter_map("attributes", CustomAttributes::of_json)
}

fn status() -> impl Strategy<Value = Status> {
    let deleting =
        (moment(), any::<bool>(), any::<bool>()).prop_map(|(erase_at, is_final, was_suspended)| {
            Status::Deleting { erase_at, is_final, was_suspended }
        });
    prop_oneof![Just(Status::Active), Just(Status::Suspended), deleting]
}

fn role_name() -> impl Strategy<Value = RoleName> {
    "[a-z][a-z0-9_-]{0,31}".prop_filter_map("a name", |text| RoleName::parse(&text).ok())
}

fn role_text() -> impl Strategy<Value = String> {
    role_name().prop_map(|name| name.as_str().to_owned())
}

pub(super) fn user() -> impl Strategy<Value = User> {
    let numbers = (id(), any::<u64>(), any::<u64>(), any::<u64>());
    let person = (email(), option::of(name()), option::of(name()), option::of(locale()), attributes());
    let standing = (status(), vec(role_text(), 0..4), option::of(id()), option::of(moment()), any::<bool>());
    (numbers, person, standing, moment(), moment()).prop_map(
        |(numbers, person, standing, created_at, updated_at)| {
            let (id, version, epoch, credential_version) = numbers;
            let (email, first_name, last_name, locale, attributes) = person;
            let (status, roles, picture, invited_at, has_password) = standing;
            User {
                id,
                version,
                epoch,
                credential_version,
                status,
                email,
                first_name,
                last_name,
                locale,
                attributes,
                picture,
                roles,
                invited_at,
                // A user who is still invited has no password.
                has_password: has_password && invited_at.is_none(),
                created_at,
                updated_at,
            }
        },
    )
}

/// A credential, which cannot be printed, as what `write` makes of it.
pub(super) fn credential<T: fmt::Debug>(write: fn(&Credential) -> T) -> impl Strategy<Value = T> {
    (email(), id(), any::<u64>(), hash(), vec(hash(), 0..4)).prop_map(
        move |(email, user_id, version, hash, previous)| {
            write(&Credential {
                email: email.canonical().clone(),
                user_id,
                version,
                password_hash: password_hash(hash),
                previous_hashes: previous.into_iter().map(password_hash).collect(),
            })
        },
    )
}

pub(super) fn session() -> impl Strategy<Value = Session> {
    let moments = (moment(), moment(), moment(), moment(), moment());
    let kind = prop_oneof![Just(SessionKind::Api), Just(SessionKind::Browser)];
    let client = (kind, option::of(any::<String>()), option::of(any::<String>()));
    (id(), id(), any::<u64>(), any::<u64>(), moments, client).prop_map(
        |(id, user_id, generation, epoch, moments, (kind, ip, user_agent))| {
            let (created_at, authenticated_at, rotated_at, idle_expires_at, expires_at) = moments;
            let client = Client { ip, user_agent };
            Session {
                id,
                user_id,
                generation,
                epoch,
                kind,
                created_at,
                authenticated_at,
                rotated_at,
                idle_expires_at,
                expires_at,
                client,
            }
        },
    )
}

/// A registration, which cannot be printed, as what `write` makes of it.
pub(super) fn registration<T: fmt::Debug>(write: fn(&Registration) -> T) -> impl Strategy<Value = T> {
    let applicant = (email(), option::of(name()), option::of(name()), option::of(locale()));
    let hashes = (option::of(hash()), option::of(any::<[u8; 32]>()), option::of(any::<[u8; 32]>()));
    (id(), applicant, hashes, moment()).prop_map(move |(id, applicant, hashes, expires_at)| {
        let (email, first_name, last_name, locale) = applicant;
        let (hash, token_hash, link) = hashes;
        write(&Registration {
            id,
            applicant: Applicant { email, first_name, last_name, locale },
            password_hash: hash.map(password_hash),
            token_hash: token_hash.map(RegistrationTokenHash::from_bytes),
            link: link.map(LinkHash::from_bytes),
            expires_at,
        })
    })
}

pub(super) fn link() -> impl Strategy<Value = Link> {
    (option::of(any::<[u8; 32]>()), email(), option::of(any::<u64>()), moment()).prop_map(
        |(hash, bound_to, epoch, expires_at)| Link {
            hash: hash.map(LinkHash::from_bytes),
            bound_to,
            epoch,
            expires_at,
        },
    )
}

pub(super) fn role() -> impl Strategy<Value = Role> {
    let permission =
        "[a-z]{1,10}:[a-z]{1,10}".prop_filter_map("a permission", |text| Permission::parse(&text).ok());
    let permissions = btree_set(permission, 0..5);
    let present = (role_name(), permissions, any::<u64>()).prop_map(|(name, permissions, version)| Role {
        name,
        permissions,
        version,
        deleted_at: None,
    });
    let deleted = (role_name(), any::<u64>(), moment()).prop_map(|(name, version, deleted_at)| Role {
        name,
        permissions: std::collections::BTreeSet::new(),
        version,
        deleted_at: Some(deleted_at),
    });
    prop_oneof![present, deleted]
}

pub(super) fn week() -> impl Strategy<Value = Week> {
    moment().prop_map(Week::of)
}

fn scope() -> impl Strategy<Value = Scope> {
    vec("[a-z]{1,8}", 0..4).prop_map(|tokens| Scope::parse(&tokens.join(" ")).expect("a scope"))
}

fn client_id() -> impl Strategy<Value = ClientId> {
    "[a-z][a-z0-9]{2,8}".prop_map(|text| ClientId::parse(&text).expect("a client id"))
}

pub(super) fn client() -> impl Strategy<Value = oauth::Client> {
    let uri = "[a-z]{1,8}".prop_map(|host| {
        RedirectUri::parse(&format!("https://{host}.example/cb"), ClientKind::Web).expect("a URI")
    });
    let kind = select(vec![ClientKind::Web, ClientKind::Native, ClientKind::Service]);
    let grant_type =
        select(vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials]);
    let auth_method =
        select(vec![AuthMethod::None, AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost]);
    let secret = (id(), any::<[u8; 32]>(), moment()).prop_map(|(id, hash, created_at)| ClientSecret {
        id,
        hash: SecretHash::from_bytes(hash),
        created_at,
    });
    let name = name().prop_map(|name| ClientName::parse(name.as_str()).expect("a name"));
    let texts = (client_id(), name, scope(), vec(uri.clone(), 0..3), vec(uri, 0..3));
    let choices = (kind, auth_method, btree_set(grant_type, 0..3), vec(secret, 0..3));
    let facts = (any::<u64>(), any::<bool>(), any::<bool>());
    let moments = (moment(), moment(), moment(), option::of(moment()));
    (texts, choices, facts, moments).prop_map(|(texts, choices, facts, moments)| {
        let (id, name, scope, redirect_uris, post_logout_redirect_uris) = texts;
        let (kind, auth_method, grant_types, secrets) = choices;
        let (version, is_first_party, requires_pkce) = facts;
        let (not_before, created_at, updated_at, deleted_at) = moments;
        oauth::Client {
            id,
            version,
            name,
            kind,
            is_first_party,
            redirect_uris,
            post_logout_redirect_uris,
            grant_types,
            scope,
            auth_method,
            secrets,
            requires_pkce,
            not_before,
            created_at,
            updated_at,
            deleted_at,
        }
    })
}

pub(super) fn consent() -> impl Strategy<Value = Consent> {
    (id(), client_id(), scope(), moment(), moment()).prop_map(
        |(user_id, client_id, scope, granted_at, not_before)| Consent {
            user_id,
            client_id,
            scope,
            granted_at,
            not_before,
        },
    )
}

pub(super) fn grant() -> impl Strategy<Value = Grant> {
    let ids = (id(), id(), id(), client_id());
    let moments = (moment(), moment(), moment(), moment(), moment(), option::of(moment()));
    (ids, any::<u64>(), scope(), option::of(any::<u64>()), moments).prop_map(
        |(ids, generation, scope, offline_epoch, moments)| {
            let (id, user_id, session_id, client_id) = ids;
            let (authenticated_at, created_at, rotated_at, idle_expires_at, expires_at, ended_at) = moments;
            Grant {
                id,
                user_id,
                session_id,
                client_id,
                generation,
                scope,
                offline_epoch,
                authenticated_at,
                created_at,
                rotated_at,
                idle_expires_at,
                expires_at,
                ended_at,
            }
        },
    )
}
