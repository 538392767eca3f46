//! The transaction of an imported user, and the read of an exported one, during failures of the network.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use domain::{
    Actor, Applicant, Attributes, Credential, Email, Event, EventContext, EventId, Hashes, Newcomer, Status,
    Timestamp, User, UserId,
};
use futures_util::future::join_all;
use local::calls::{Call, Fate, Refusal};
use stage::Stage;
use store::{AdmissionRejected, CommitError, Store, StoreError};

const NOW: Timestamp = Timestamp::from_millis(1_795_230_000_000);

/// Creates a system in which the first transactions, or all of them, meet `fate`.
fn stage(only_the_first: bool, fate: impl Fn() -> Fate + Send + Sync + 'static) -> Stage {
    let over = Arc::new(AtomicBool::new(false));
    Stage::with(move |setup| {
        setup.watched_by(move |call: &Call| match call.operation.as_str() {
            "TransactWriteItems" if !(only_the_first && over.swap(true, SeqCst)) => fate(),
            _ => Fate::Proceed,
        })
    })
}

fn store(stage: &Stage) -> Store {
    Store::new(&stage.stack.cloud("register").expect("its cloud")).expect("its settings")
}

fn newcomer(id: u8, email: &str) -> (User, Credential, Event) {
    let email = Email::parse(email).expect("an address");
    let newcomer = Newcomer {
        id: UserId::new(NOW, [id; 10]),
        applicant: Applicant { email, first_name: None, last_name: None, locale: None },
        attributes: Attributes::default(),
        status: Status::Active,
        roles: Vec::new(),
        created_at: NOW,
        updated_at: NOW,
    };
    let cause = EventContext {
        event_id: EventId::new(NOW, [id; 10]),
        occurred_at: NOW,
        actor: Actor::Operator,
        correlation_id: "a run".to_owned(),
        traceparent: None,
    };
    let hashes = Hashes { present: hashing::nothing(), has_password: false, previous: Vec::new() };
    newcomer.admit(hashes, cause)
}

async fn events(stage: &Stage, user: &User) -> Vec<String> {
    stage.events_of(&format!("user#{}", user.id)).await
}

#[tokio::test]
async fn a_user_with_lost_responses_is_created_once_with_one_event() {
    let stage = stage(false, || Fate::AnswerLost);
    let (user, credential, event) = newcomer(1, "ada@example.com");

    let first = store(&stage).admit(&user, &credential, Some(event.clone())).await;
    let again = store(&stage).admit(&user, &credential, Some(event)).await;

    assert!(first.is_ok(), "{first:?}");
    // The same event is stored, which is the desired result.
    assert!(matches!(again, Ok(()) | Err(CommitError::Rejected(AdmissionRejected::EmailTaken))), "{again:?}");
    assert_eq!(events(&stage, &user).await, ["user.registered"]);
}

#[tokio::test]
async fn without_an_event_a_lost_response_is_resolved_by_the_next_run() {
    let stage = stage(false, || Fate::AnswerLost);
    let (user, credential, _) = newcomer(1, "ada@example.com");

    let first = store(&stage).admit(&user, &credential, None).await;

    assert!(matches!(first, Err(CommitError::Store(StoreError::Unavailable { .. }))), "{first:?}");
    let store = store(&stage);
    let there = store.identities().credential(&credential.email).await.expect("an answer");
    assert_eq!(there.map(|credential| credential.user_id), Some(user.id));
    assert_eq!(store.identities().user(user.id).await.expect("an answer"), Some(user.clone()));
    assert_eq!(events(&stage, &user).await, [""; 0]);
}

#[tokio::test]
async fn a_user_whose_transaction_never_arrives_is_not_created() {
    for with_event in [true, false] {
        let stage = stage(false, || Fate::RequestLost);
        let (user, credential, event) = newcomer(1, "ada@example.com");

        let admitted = store(&stage).admit(&user, &credential, with_event.then_some(event)).await;

        assert!(matches!(admitted, Err(CommitError::Store(_))), "{admitted:?}");
        let store = store(&stage);
        assert!(store.identities().credential(&credential.email).await.expect("an answer").is_none());
        assert_eq!(store.identities().user(user.id).await.expect("an answer"), None);
        assert_eq!(events(&stage, &user).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_throttled_write_is_retried() {
    for with_event in [true, false] {
        let stage = stage(true, || Fate::Refused(Refusal::THROTTLED));
        let (user, credential, event) = newcomer(1, "ada@example.com");

        store(&stage).admit(&user, &credential, with_event.then_some(event)).await.expect("admitted");

        assert_eq!(store(&stage).identities().user(user.id).await.expect("an answer"), Some(user));
    }
}

#[tokio::test]
async fn one_of_many_concurrent_users_with_one_address_is_admitted() {
    let stage = Stage::new();
    let store = store(&stage);
    let people: Vec<_> = (0..20).map(|id| newcomer(id, "Ada@example.com")).collect();

    let admitted = join_all(people.iter().map(|(user, credential, event)| {
        store.admit(user, credential, Some(event.clone()).filter(|_| user.id.uuid().as_bytes()[15] % 2 == 0))
    }))
    .await;

    let taken = |result: &&Result<(), CommitError<AdmissionRejected>>| {
        matches!(result, Err(CommitError::Rejected(AdmissionRejected::EmailTaken)))
    };
    assert_eq!(admitted.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(admitted.iter().filter(taken).count(), 19, "{admitted:?}");
    let mut users = 0;
    for (user, ..) in &people {
        users += usize::from(store.identities().user(user.id).await.expect("an answer").is_some());
    }
    assert_eq!(users, 1);
}

#[tokio::test]
async fn ids_are_unique() {
    let stage = Stage::new();
    let (user, credential, event) = newcomer(1, "ada@example.com");
    store(&stage).admit(&user, &credential, Some(event)).await.expect("admitted");
    let (other, credential, mut event) = newcomer(1, "bob@example.com");
    event.context.event_id = EventId::new(NOW, [2; 10]);

    let refused = store(&stage).admit(&other, &credential, Some(event)).await;

    assert!(matches!(refused, Err(CommitError::Rejected(AdmissionRejected::IdTaken))), "{refused:?}");
    assert!(store(&stage).identities().credential(&credential.email).await.expect("an answer").is_none());
}

#[tokio::test]
async fn an_exported_user_is_read_with_the_credential_of_the_same_time() {
    let stage = Stage::new();
    let (user, credential, event) = newcomer(1, "ada@example.com");
    store(&stage).admit(&user, &credential, Some(event)).await.expect("admitted");
    let identities = store(&stage).identities().clone();
    // As read on a page before the address has changed.
    let read = User { email: Email::parse("before@example.com").expect("an address"), ..user.clone() };

    let (now, found) = identities.account(read).await.expect("an answer").expect("a user");

    assert_eq!(now, user);
    assert_eq!(found.map(|found| found.email), Some(credential.email));
    let (gone, ..) = newcomer(2, "gone@example.com");
    assert!(identities.account(gone).await.expect("an answer").is_none());
}
