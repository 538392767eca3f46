//! One event of each type.

use crate::{
    Actor, Applicant, Attribute, Attributes, BreachCheck, Detail, DeviceFamily, Digest, Email, Envelope,
    Event, EventContext, EventKind, Id, Locale, Name, NewPassword, Newcomer, PasswordHash, Permission,
    Person, Registration, RegistrationTokenHash, Role, RoleName, SessionEnd, Standing, StatedReason, Status,
    StatusName, Stream, Timestamp, User, UsersByStatus, Week,
    oauth::{
        AuthMethod, ClientChange, ClientId, ClientKind, ClientName, ClientSecret, GrantEnd, GrantType,
        NewClient, RedirectUri, Scope, SecretHash,
    },
};

/// 21 November 2026, 03:00 UTC.
const START_MILLIS: i64 = 1_795_230_000_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START_MILLIS + millis)
}

fn context(number: u8, actor: Actor) -> EventContext {
    let occurred_at = at(i64::from(number) * 1000);
    EventContext {
        event_id: Id::new(occurred_at, [number; 10]),
        occurred_at,
        actor,
        correlation_id: format!("70ba2656-c5b7-4671-9119-3bacce78e7{number:02}"),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
    }
}

/// Creates one event of each type, with the functions of this crate.
pub(crate) fn all() -> Vec<Event> {
    let person = || {
        let name = |name| Name::parse(name).ok();
        let email = Email::parse("Ada@example.com").expect("an address");
        let locale = Locale::parse("en-GB").ok();
        Applicant { email, first_name: name("Ada"), last_name: name("Lovelace"), locale }
    };
    let hash = PasswordHash { phc: String::new(), pepper_id: String::new() };
    let password = NewPassword { hash, breach_check: Some(BreachCheck::Unavailable), remembered: 0 };
    let (registration, requested) = Registration::request(
        Id::new(at(0), [7; 10]),
        person(),
        Some(password.clone()),
        RegistrationTokenHash::from_bytes([1; 32]),
        std::time::Duration::from_hours(24),
        context(1, Actor::Anonymous),
    );
    let user = Actor::User(registration.id.user());
    let stream = Stream::User(registration.id.user());
    let verified = registration.verify(Some(password), context(3, Actor::Anonymous));
    let (grown, _, registered) = verified.expect("a password");
    let created = invited(person(), context(2, user));
    let resend = Stream::Resend(Id::new(at(2000), [8; 10]));
    let asked_again = Event {
        stream: resend,
        sequence: 1,
        context: context(2, Actor::Anonymous),
        kind: EventKind::ResendRequested {},
    };
    let reset = Event {
        stream: Stream::Reset(Id::new(at(2000), [8; 10])),
        sequence: 1,
        context: context(2, Actor::Anonymous),
        kind: EventKind::PasswordResetRequested {},
    };
    let of_user = of_user(grown);
    let of_user = of_user.into_iter().zip(2..).map(|(kind, number)| Event {
        stream: stream.clone(),
        sequence: u64::from(number),
        context: context(number + 2, user),
        kind,
    });
    let of_role = of_role().into_iter();
    let of_nobody = of_role.chain([digest()]).chain(of_client());
    [requested, asked_again, reset, created, registered].into_iter().chain(of_user).chain(of_nobody).collect()
}

/// Creates a digest that follows another one.
fn digest() -> Event {
    let week_before = at(-7 * 86_400_000);
    let users = |active| UsersByStatus { active, suspended: 3, deleting: 1 };
    let before = Digest { week: Week::of(week_before), written_at: week_before, users: users(1192) };
    let standing = Standing {
        users: users(1204),
        counted_at: Some(at(0)),
        waiting_events: 2,
        dead_events: 0,
        failed_tasks: vec!["rotate-keys".to_owned()],
        late_tasks: Vec::new(),
        newest_key_at: Some(at(-30 * 86_400_000)),
    };
    Digest::write(standing, Some(&before), context(42, Actor::System)).1
}

/// Creates the first event of an invited user.
fn invited(applicant: Applicant, context: EventContext) -> Event {
    let newcomer = Newcomer {
        id: Id::new(at(2000), [8; 10]),
        applicant,
        attributes: Attributes::default(),
        status: Status::Active,
        roles: vec!["editor".to_owned()],
        created_at: context.occurred_at,
        updated_at: context.occurred_at,
    };
    let no_password = PasswordHash { phc: String::new(), pepper_id: String::new() };
    newcomer.invite(no_password, StatedReason::parse("ticket 4711").expect("a reason"), context).2
}

fn client_id() -> ClientId {
    ClientId::parse("shop").expect("an id")
}

/// Creates the events of a client.
fn of_client() -> Vec<Event> {
    let secret = |number: u8| ClientSecret {
        id: Id::new(at(0), [number; 10]),
        hash: SecretHash::from_bytes([number; 32]),
        created_at: at(0),
    };
    let uri = RedirectUri::parse("https://shop.example/cb", ClientKind::Web).expect("a URI");
    let new = NewClient {
        id: client_id(),
        name: ClientName::parse("The shop").expect("a name"),
        kind: ClientKind::Web,
        is_first_party: true,
        redirect_uris: vec![uri],
        post_logout_redirect_uris: Vec::new(),
        grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into(),
        scope: Scope::parse("openid email").expect("a scope"),
        auth_method: AuthMethod::ClientSecretBasic,
        requires_pkce: true,
    };
    let by = |number| context(number, Actor::User(Id::new(at(0), [7; 10])));
    let (client, created) = new.create(Some(secret(1)), by(50)).expect("a client");
    let change = ClientChange { scope: Scope::parse("openid").ok(), ..ClientChange::default() };
    let updated = client.update(change, by(51)).expect("a client").expect("a change");
    let added = updated.after.add_secret(secret(2), by(52)).expect("room");
    let removed = added.after.remove_secret(secret(1).id, by(53)).expect("another secret");
    let ended = removed.after.end_grants(by(54));
    let deleted = ended.after.delete(by(55));
    let changes = [updated, added, removed, ended, deleted];
    [created].into_iter().chain(changes.into_iter().map(|change| change.event)).collect()
}

/// Creates the events of a role.
fn of_role() -> [Event; 2] {
    let name = RoleName::parse("editor").expect("a name");
    let permissions = ["orders:refund"].map(|text| Permission::parse(text).expect("a permission"));
    let by = |number| context(number, Actor::User(Id::new(at(0), [7; 10])));
    let changed = Role::undefined(name).change(permissions.into(), by(40)).expect("a change");
    let deleted = changed.after.delete(by(41));
    [changed.event, deleted.event]
}

/// Creates the events of a user after the first one.
fn of_user(user: User) -> Vec<EventKind> {
    let motto = Some(Attribute::Text("onward".to_owned()));
    let attributes = Attributes::default().changed(&[("motto".to_owned(), motto)].into());
    let picture = Some(Id::new(at(3500), [7; 10]));
    let user = User { attributes: attributes.expect("attributes"), picture, ..user };
    let person = || Some(Person::of(&user));
    let session_id = Id::new(at(4000), [9; 10]);
    let reason = || StatedReason::parse("ticket 4711").ok();
    vec![
        EventKind::InvitationAccepted { breach_check: Some(BreachCheck::Unavailable) },
        EventKind::SessionStarted {
            session_id,
            browser: true,
            ended_session_ids: vec![Id::new(at(3000), [9; 10])],
        },
        EventKind::SessionEnded {
            session_id,
            reason: SessionEnd::TokenReused,
            device: DeviceFamily::from_user_agent("curl/8.5.0"),
        },
        EventKind::OtherSessionsEnded { kept_session_id: session_id },
        EventKind::SessionReauthenticated { session_id },
        EventKind::ConsentGranted { client_id: client_id(), scope: "email openid".to_owned() },
        EventKind::GrantStarted {
            grant_id: Id::new(at(4500), [9; 10]),
            client_id: client_id(),
            session_id,
            scope: "email openid".to_owned(),
            offline: true,
        },
        EventKind::GrantEnded {
            grant_id: Id::new(at(4500), [9; 10]),
            client_id: client_id(),
            reason: GrantEnd::CodeReused,
        },
        EventKind::ConsentWithdrawn { client_id: client_id() },
        EventKind::UserPasswordResetRequested { stated_reason: StatedReason::parse("ticket 4711").ok() },
        EventKind::PasswordReset { breach_check: Some(BreachCheck::Unavailable) },
        EventKind::PasswordChanged {
            kept_session_id: session_id,
            breach_check: Some(BreachCheck::Unavailable),
        },
        EventKind::EmailChangeRequested {},
        EventKind::EmailChanged { person: person() },
        EventKind::UserUpdated {
            changed: vec!["attributes.motto".to_owned(), "locale".to_owned(), "picture".to_owned()],
            stated_reason: StatedReason::parse("ticket 4711").ok(),
            person: person(),
        },
        EventKind::DeletionRequested { erase_at: at(86_400_000), stated_reason: reason() },
        EventKind::DeletionCanceled { status: StatusName::Suspended, stated_reason: reason() },
        EventKind::RoleGranted { role: RoleName::parse("editor").expect("a name"), stated_reason: reason() },
        EventKind::RoleRevoked {
            role: RoleName::parse("editor").expect("a name"),
            sessions_ended: false,
            stated_reason: reason(),
        },
        EventKind::UserSuspended { erase_at: None, stated_reason: reason() },
        EventKind::UserReactivated { erase_at: None, stated_reason: reason() },
        EventKind::UserSignedOut { stated_reason: reason() },
        EventKind::UserRestored {},
        EventKind::UserErased {},
    ]
}

/// Renders an event as it is published.
pub(super) fn rendered(event: &Event, detail: Detail) -> serde_json::Value {
    let envelope = Envelope { source: "https://id.example.com".to_owned(), epoch: 1, detail };
    serde_json::from_str(&envelope.render(event)).expect("JSON")
}
