//! `gatepost keys`: manages the keys that sign and seal tokens, and the peppers of passwords.

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use cloud::Clock;
use domain::{KeyState, Ring, SigningAlgorithm};
use keys::{Keyring, KeyringError, Peppers, Separated, Separation};
use serde_json::{Value, json};

use crate::{
    cli::ExitCode,
    error::CliError,
    report::{Report, moment},
    system::{System, Target},
};

#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Keys {
    #[command(flatten)]
    target: Target,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// List the keys: their state, from when they sign and until when they verify
    List,
    /// Add a key that signs in an hour, or complete a rotation that has begun
    Rotate {
        #[command(flatten)]
        algorithm: Algorithm,
        /// Add another pepper for new hashes instead
        #[arg(long)]
        pepper: bool,
    },
    /// Remove a retired key early, which ends the sessions that still use it
    Retire {
        /// The key's id, as `list` shows it
        // One id in 64 begins with a hyphen.
        #[arg(value_name = "KID", allow_hyphen_values = true)]
        kid: String,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Revoke every key after a theft: within five minutes no token is valid, and every session ends
    RevokeAll {
        #[command(flatten)]
        algorithm: Algorithm,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Move the peppers of an older deployment into the credentials secret; run it again after the update
    Separate {
        /// Show what would be done
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Args)]
struct Algorithm {
    /// Signing algorithm of the new key [default: TokenAlgorithm; ES256 in a data folder]
    #[arg(long, value_name = "NAME", value_parser = algorithms())]
    token_algorithm: Option<SigningAlgorithm>,
}

fn algorithms() -> impl TypedValueParser<Value = SigningAlgorithm> {
    let names = PossibleValuesParser::new(SigningAlgorithm::ALL.map(SigningAlgorithm::name));
    names.try_map(|name| name.parse::<SigningAlgorithm>())
}

impl Algorithm {
    fn of(&self, keyring: Keyring) -> Keyring {
        match self.token_algorithm {
            Some(algorithm) => keyring.signing_by(algorithm),
            None => keyring,
        }
    }
}

impl Keys {
    pub(crate) async fn run(self) -> Result<ExitCode, CliError> {
        let (system, report) = (self.target.open().await?, Report::new(self.json));
        let cloud = system.cloud("rotate-keys")?;
        let (keyring, peppers) = (Keyring::new(&cloud)?, Peppers::new(&system.cloud("log-in")?)?);
        let ring = match self.command {
            KeysCommand::Separate { dry_run } => return separate(&system, &report.dry_run(dry_run)).await,
            KeysCommand::List => keyring.read().await?,
            KeysCommand::Rotate { pepper: true, .. } => {
                peppers.add().await?;
                keyring.read().await?
            }
            KeysCommand::Rotate { pepper: false, algorithm } => algorithm.of(keyring).rotate().await?,
            KeysCommand::Retire { kid, yes } => {
                if !report.is_confirmed(yes, "Sessions that were not refreshed since then end. Continue?")? {
                    return Ok(ExitCode::Unconfirmed);
                }
                keyring.retire(&kid).await?
            }
            KeysCommand::RevokeAll { algorithm, yes } => {
                if !report.is_confirmed(yes, "All users must sign in again. Continue?")? {
                    return Ok(ExitCode::Unconfirmed);
                }
                // The attacker may have read both secrets.
                peppers.add().await?;
                algorithm.of(keyring).revoke_all().await?
            }
        };
        show(&ring, &peppers.read().await?, &report, &cloud.clock())?;
        Ok(ExitCode::Done)
    }
}

async fn separate(system: &System, report: &Report) -> Result<ExitCode, CliError> {
    let separated = match system {
        // A data folder is separated each time it is opened.
        System::Folder(_) => Separated { copied: 0, removed: 0, is_shared: false },
        System::Deployed(cloud) => Separation::new(cloud)?.run(report.dry_run).await?,
    };
    let Separated { copied, removed, is_shared } = separated;
    if copied > 0 {
        report
            .line(&format!("{} {copied} peppers into the credentials secret", report.did("copied", "copy")));
    }
    if removed > 0 {
        report.line(&format!("{} {removed} peppers from the keys secret", report.did("removed", "remove")));
    }
    report.line(match (is_shared, copied + removed) {
        (true, _) => {
            "next: update the stack with CredentialsFrom=CredentialsSecret, then run this command again"
        }
        (false, 0) => "nothing to do: the secrets are separate",
        (false, _) => "done: the secrets are separate",
    });
    report.document(json!({"copied": copied, "removed": removed, "shared": is_shared}));
    Ok(ExitCode::Done)
}

fn show(ring: &Ring, credentials: &Ring, report: &Report, clock: &Clock) -> Result<(), CliError> {
    let (now, mut keys, mut peppers) = (clock.now(), Vec::new(), Vec::new());
    for (key, state) in ring.keys_at(now) {
        let kid = tokens::public_key(key.material(), now).map_err(KeyringError::from)?.kid;
        let algorithm = key.material().algorithm().name();
        let until = key.until().map_or_else(String::new, |until| format!("  until {until}"));
        let from = match key.from() {
            Some(from) if from.millis() > 0 => format!("  from {from}"),
            _ => String::new(),
        };
        report.line(&format!("{kid}  {algorithm:<5}  {:<8}{from}{until}", state.name()));
        keys.push(json!({
            "kid": kid,
            "algorithm": algorithm,
            "state": state.name(),
            "from": moment(key.from()),
            "until": moment(key.until()),
        }));
    }
    for (seed, from) in credentials.peppers() {
        let id = hashing::pepper_id(seed);
        let state = if from > now { KeyState::Pending.name() } else { "good" };
        report.line(&format!("pepper {id}  {state}"));
        peppers.push(json!({"id": id, "from": from.to_string()}));
    }
    report.document(json!({"keys": Value::Array(keys), "peppers": peppers}));
    Ok(())
}
