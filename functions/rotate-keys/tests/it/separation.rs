//! Moving the peppers of an older deployment to their own secret.

use std::time::Duration;

use cloud::StoredSecret;
use domain::Ring;
use keys::{Separated, Separation};
use local::{
    Setup,
    calls::{Fate, Refusal},
};
use stage::{Stage, Tokens, faults::Outage};

use crate::{EMAIL, refresh};

const NEW_PASSWORD: &str = "another horse, another battery";
/// How long functions cache a secret.
const KEPT: Duration = Duration::from_mins(5);

/// Runs the separation with the settings of `refresh-session` before the functions are updated, and with
/// those of `rotate-keys` afterwards.
fn separable(setup: Setup) -> Setup {
    setup
        .with_setting("refresh-session", "OWN_CREDENTIALS_SECRET", "CredentialsSecret")
        .with_setting("refresh-session", "CREDENTIALS_SECRET", "KeysSecret")
        .with_setting("rotate-keys", "OWN_CREDENTIALS_SECRET", "CredentialsSecret")
        .with_setting("rotate-keys", "CREDENTIALS_SECRET", "CredentialsSecret")
}

/// Creates a deployment in which most functions read the peppers from the keys secret, as in an older
/// version, and the `updated` ones from the credentials secret.
fn half_updated(updated: &[&str]) -> Stage {
    Stage::with(|setup| {
        let setup = separable(setup).with_parameter("CredentialsFrom", "KeysSecret");
        let update = |setup: Setup, function: &&str| {
            setup.with_setting(function, "CREDENTIALS_SECRET", "CredentialsSecret")
        };
        updated.iter().fold(setup, update)
    })
}

async fn separate(stage: &Stage, settings_of: &str, dry_run: bool) -> Separated {
    let separation = Separation::new(&stage.stack.cloud(settings_of).expect("a cloud")).expect("settings");
    separation.run(dry_run).await.expect("separated")
}

/// Returns the texts of the two secrets.
async fn secrets(stage: &Stage) -> [String; 2] {
    let cloud = stage.stack.cloud("rotate-keys").expect("a cloud");
    let read = async |name| {
        let secret = StoredSecret::new(&cloud, name).expect("a setting");
        secret.read().await.expect("the secret").0.to_string()
    };
    [read("KEYS_SECRET").await, read("CREDENTIALS_SECRET").await]
}

#[tokio::test]
async fn old_and_new_functions_verify_each_others_passwords_and_tokens_during_the_update() {
    let stage = half_updated(&["change-password", "reset-password"]);
    let tokens = stage.signed_in(EMAIL).await;

    let before = separate(&stage, "refresh-session", false).await;

    assert_eq!(before, Separated { copied: 1, removed: 0, is_shared: true });
    // Each verifies the hashes of the other.
    stage.change_password(&tokens.access, NEW_PASSWORD).await.expect(204);
    stage.log_in_with(EMAIL, NEW_PASSWORD).await.expect(201);
    let tokens = Tokens::of(&refresh(&stage, &tokens).await.expect(200).body);
    stage.get("/v1/me", &tokens.access).await.expect(200);
    let link = stage.reset_link(EMAIL).await;
    stage.reset(&link, "yet another horse and battery").await.expect(204);
    stage.log_in_with(EMAIL, "yet another horse and battery").await.expect(201);
}

#[tokio::test]
async fn after_the_update_the_peppers_leave_the_keys_secret_and_sessions_continue() {
    let stage = half_updated(&["log-in", "change-password"]);
    stage.registered(EMAIL).await;
    separate(&stage, "refresh-session", false).await;
    let tokens = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    let before = secrets(&stage).await;

    let dry = separate(&stage, "rotate-keys", true).await;
    assert_eq!((dry.removed, secrets(&stage).await), (1, before));
    let after = separate(&stage, "rotate-keys", false).await;

    assert_eq!(after, Separated { copied: 0, removed: 1, is_shared: false });
    assert!(!secrets(&stage).await[0].contains("pepper"), "the keys secret holds keys only");
    stage.pass(KEPT);
    stage.log_in(EMAIL).await.expect(201);
    let tokens = Tokens::of(&refresh(&stage, &tokens).await.expect(200).body);
    stage.change_password(&tokens.access, NEW_PASSWORD).await.expect(204);
    let again = separate(&stage, "rotate-keys", false).await;
    assert_eq!(again, Separated { copied: 0, removed: 0, is_shared: false });
}

#[tokio::test]
async fn the_command_repairs_an_update_made_without_it() {
    // Only `register` runs the older version.
    let older = |setup: Setup| separable(setup).with_setting("register", "CREDENTIALS_SECRET", "KeysSecret");
    let stage = Stage::with(older);
    stage.registered(EMAIL).await;
    stage.log_in(EMAIL).await.expect(500);

    let mended = separate(&stage, "rotate-keys", false).await;

    assert_eq!(mended, Separated { copied: 1, removed: 1, is_shared: false });
    stage.pass(KEPT);
    stage.log_in(EMAIL).await.expect(201);
}

/// Interrupts a separation at a step. Returns whether it has that step.
async fn broken_off_at(step: usize, fate: fn() -> Fate) -> bool {
    let (outage, watcher) = Outage::after(step, "rotate-keys", fate);
    let stage = Stage::with(|setup| {
        let setup = setup.with_setting("register", "CREDENTIALS_SECRET", "KeysSecret");
        separable(setup).watched_by(watcher)
    });
    stage.registered(EMAIL).await;
    let cloud = stage.stack.cloud("rotate-keys").expect("a cloud");

    outage.begin();
    let has_failed = Separation::new(&cloud).expect("settings").run(false).await.is_err();
    outage.end();
    let kept = secrets(&stage)
        .await
        .map(|text| Ring::parse_credentials(&text).map_or(0, |ring| ring.peppers().count()));
    assert!(kept == [1, 1] || kept == [1, 2] || kept == [0, 2], "step {step}: a pepper is lost: {kept:?}");

    separate(&stage, "rotate-keys", false).await;
    assert!(!secrets(&stage).await[0].contains("pepper"), "step {step}");
    stage.log_in(EMAIL).await.expect(201);
    has_failed
}

#[tokio::test]
async fn an_interrupted_separation_is_completed_by_the_next_run() {
    let fates: [fn() -> Fate; 2] =
        [|| Fate::Refused(Refusal::ACCESS_DENIED), || Fate::DoneBut(Refusal::ACCESS_DENIED)];
    for fate in fates {
        let mut step = 0;
        while broken_off_at(step, fate).await {
            step += 1;
        }
        assert!(step >= 6, "each step was interrupted: {step}");
    }
}
