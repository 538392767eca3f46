//! `gatepost users import`: imports users from a file of another system, or of another Gatepost.

use std::{
    collections::{HashMap, hash_map::Entry},
    io, iter,
    path::PathBuf,
};

use application::password;
use clap::Args;
use cloud::{Clock, Random};
use domain::{Actor, EventContext, Hashes, InvalidLocale, PasswordHash, Timestamp};
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use hashing::{HashError, Hasher};
use serde_json::{Value, json};
use store::{AdmissionRejected, CommitError, Store};
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{
    formats::{Digest, Format, HashParameters, Place, UsersFile, digest_of},
    record::{Candidate, Password, Record, Unverified, Wrong},
};
use crate::{
    cli::ExitCode,
    error::CliError,
    report::{Progress, Report},
    system::System,
};

/// Users that are written concurrently.
const CONCURRENCY: usize = 32;

const TAKEN: &str = "another user has this address";
const ERASED: &str = "this user was erased here";

#[derive(Args)]
pub(super) struct ImportOptions {
    /// The export of another system, or of `gatepost users export`
    file: PathBuf,
    /// The system that the export is from [default: detected from the file]
    #[arg(long, value_enum, value_name = "SYSTEM")]
    format: Option<Format>,
    /// Firebase's password hash parameters, as its console shows them
    #[arg(long, value_name = "FILE")]
    hash_parameters: Option<PathBuf>,
    /// Refuse, skip or accept users whose address is not verified in the file
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Unverified::Refuse)]
    unverified: Unverified,
    /// Publish no events: the users' histories begin with their next change
    #[arg(long)]
    no_events: bool,
    /// Check the file, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// The outcome of importing one user.
enum Outcome {
    Imported,
    /// An earlier run has imported the user.
    AlreadyThere,
    Taken(Place),
    /// The user was erased here, which is final.
    Erased(Place),
}

#[derive(Default)]
struct Outcomes {
    imported: usize,
    already_there: usize,
    refused: Vec<(Place, &'static str)>,
}

/// A run of the import.
struct Import {
    store: Store,
    hasher: Hasher,
    clock: Clock,
    random: Random,
    /// The correlation id of this run's events.
    correlation_id: String,
    has_events: bool,
}

impl ImportOptions {
    pub(super) async fn run(&self, system: &System, report: Report) -> Result<ExitCode, CliError> {
        let report = &report.dry_run(self.dry_run);
        let import = Import::open(system, !self.no_events).await?;
        let mut file = self.open()?;
        let rules = Rules { format: file.format, unverified: self.unverified, now: import.clock.now() };
        let judged = import.judge(&mut file, rules)?;
        let (format, left_out) = (file.format, judged.left_out);
        let mut document = json!({
            "format": format.name(), "users": judged.users(), "left_out": left_out, "bad": documents(&judged.bad),
        });
        if !judged.bad.is_empty() {
            for (place, wrong) in &judged.bad {
                report.line(&format!("{place}: {wrong}"));
            }
            report.document(document);
            return Err(CliError::BadUsers { bad: judged.bad.len(), all: judged.users() });
        }
        report_omissions(&judged, report, &mut document);
        if report.dry_run {
            report.line(&format!("would import {} users of {format}, leave out {left_out}", judged.good));
            document["importable"] = judged.good.into();
            report.document(document);
            return Ok(ExitCode::Done);
        }
        let Outcomes { imported, already_there, refused } = import.all(file, rules).await?;
        for (place, reason) in &refused {
            report.line(&format!("{place}: refused: {reason}"));
        }
        report.line(&format!(
        "imported {imported} users of {format}, {already_there} were there already, left out {left_out}, refused {}",
        refused.len()
    ));
        document["imported"] = imported.into();
        document["already_there"] = already_there.into();
        document["refused"] = documents(&refused).into();
        report.document(document);
        Ok(if refused.is_empty() { ExitCode::Done } else { ExitCode::Findings })
    }

    fn open(&self) -> Result<UsersFile, CliError> {
        let parameters = match &self.hash_parameters {
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|error| CliError::File(path.clone(), error))?;
                Some(HashParameters::parse(&text).ok_or_else(|| CliError::HashParameters(path.clone()))?)
            }
            None => None,
        };
        UsersFile::open(&self.file, self.format, parameters)
    }
}

/// Reports the data that imported users lose.
fn report_omissions(judged: &Judged, report: &Report, document: &mut Value) {
    for (place, invalid) in &judged.locales {
        report.line(&format!("{place}: the locale is left out: it {invalid}"));
    }
    document["locales_left_out"] = documents(&judged.locales).into();
    let administrators = judged.administrators;
    if administrators > 0 {
        report.line(&format!(
            "the role admin of {administrators} users is left out: grant it with `gatepost users grant-admin`"
        ));
        document["administrators_left_out"] = administrators.into();
    }
}

fn documents(people: &[(Place, impl ToString)]) -> Vec<Value> {
    let mut documents = Vec::new();
    for (place, reason) in people {
        documents.push(json!({"at": place.to_string(), "reason": reason.to_string()}));
    }
    documents
}

/// The rules for a record, which are the same in each pass over the file.
#[derive(Clone, Copy)]
struct Rules {
    format: Format,
    unverified: Unverified,
    now: Timestamp,
}

impl Rules {
    fn judge(self, record: Result<Record, Wrong>) -> Result<Option<Candidate>, Wrong> {
        record?.judge(self.format.name(), self.unverified, self.now)
    }
}

/// The result of checking all users of a file: counts, and reports by line.
#[derive(Default)]
struct Judged {
    good: usize,
    left_out: usize,
    bad: Vec<(Place, Wrong)>,
    locales: Vec<(Place, InvalidLocale)>,
    administrators: usize,
}

impl Judged {
    const fn users(&self) -> usize {
        self.good + self.left_out + self.bad.len()
    }
}

impl Import {
    async fn open(system: &System, has_events: bool) -> Result<Self, CliError> {
        let cloud = system.cloud("register")?;
        let hasher = password::hasher(&cloud)?;
        Ok(Self {
            store: Store::new(&cloud)?,
            hasher: Hasher::clone(&*hasher.get().await?),
            clock: cloud.clock(),
            random: cloud.random(),
            correlation_id: cloud.random().uuid().to_string(),
            has_events,
        })
    }

    /// Checks all users of a file before anything is written.
    fn judge(&self, file: &mut UsersFile, rules: Rules) -> Result<Judged, CliError> {
        let (mut judged, mut seen) = (Judged::default(), Seen::default());
        file.visit(|place, record| {
            let candidate = match rules.judge(record) {
                Ok(Some(candidate)) => seen.add(place, &candidate).map(|()| candidate),
                Ok(None) => {
                    judged.left_out += 1;
                    return Ok(());
                }
                Err(wrong) => Err(wrong),
            };
            match candidate.map(|candidate| (self.check(&candidate), candidate)) {
                Ok((Ok(()), candidate)) => {
                    judged.good += 1;
                    judged.administrators += usize::from(candidate.was_administrator);
                    judged.locales.extend(candidate.invalid_locale.map(|invalid| (place, invalid)));
                }
                Ok((Err(HashError::UnknownPepper), _)) => return Err(CliError::OtherSecret),
                Ok((Err(_), _)) => judged.bad.push((place, Wrong::NotOurs)),
                Err(wrong) => judged.bad.push((place, wrong)),
            }
            Ok(())
        })?;
        Ok(judged)
    }

    /// Checks that the current and previous passwords can be verified.
    fn check(&self, Candidate { password, previous_passwords, .. }: &Candidate) -> Result<(), HashError> {
        iter::once(password).chain(previous_passwords).try_for_each(|password| match password {
            Password::Ours(hash) => self.hasher.check(hash),
            Password::None | Password::Foreign(_) => Ok(()),
        })
    }

    /// Reads the file again, and imports several users concurrently.
    async fn all(&self, mut file: UsersFile, rules: Rules) -> Result<Outcomes, CliError> {
        let (sender, mut receiver) = mpsc::channel(CONCURRENCY);
        let reading = spawn_blocking(move || {
            file.visit(|place, record| match rules.judge(record) {
                Ok(Some(candidate)) => {
                    // The receiver is gone only after an error of its own, which is reported.
                    let sent = sender.blocking_send((place, candidate));
                    sent.map_err(|_| CliError::Io(io::ErrorKind::BrokenPipe.into()))
                }
                // The same bytes were checked before, so every user is valid.
                Ok(None) | Err(_) => Ok(()),
            })
        });
        let (progress, mut outcomes) = (Progress::of("users"), Outcomes::default());
        let candidates = stream::poll_fn(|context| receiver.poll_recv(context));
        let mut done = candidates.map(|(place, candidate)| self.one(place, candidate)).buffered(CONCURRENCY);
        while let Some(outcome) = done.try_next().await? {
            match outcome {
                Outcome::Imported => outcomes.imported += 1,
                Outcome::AlreadyThere => outcomes.already_there += 1,
                Outcome::Taken(place) => outcomes.refused.push((place, TAKEN)),
                Outcome::Erased(place) => outcomes.refused.push((place, ERASED)),
            }
            progress.add(1);
        }
        reading.await.map_err(io::Error::other)??;
        Ok(outcomes)
    }

    /// Imports a user in one transaction. An earlier run has imported a user with the same id.
    async fn one(&self, place: Place, candidate: Candidate) -> Result<Outcome, CliError> {
        let Candidate { newcomer, password, previous_passwords, .. } = candidate;
        let (id, email) = (newcomer.id, newcomer.applicant.email.clone());
        // Checked before the work of a hash.
        if let Some(credential) = self.store.identities().credential(email.canonical()).await? {
            return Ok(if credential.user_id == id { Outcome::AlreadyThere } else { Outcome::Taken(place) });
        }
        let hashes = Hashes {
            has_password: !matches!(password, Password::None),
            present: self.hash(password).await?,
            previous: try_join_all(previous_passwords.into_iter().map(|password| self.hash(password)))
                .await?,
        };
        let now = self.clock.now();
        let (user, credential, event) = if self.has_events {
            let (user, credential, event) = newcomer.admit(hashes, self.cause(now));
            (user, credential, Some(event))
        } else {
            let (user, credential) = newcomer.admit_silently(hashes);
            (user, credential, None)
        };
        match self.store.admit(&user, &credential, event).await {
            Ok(()) => Ok(Outcome::Imported),
            // Another user has claimed the address concurrently, or the same user has another address by now.
            Err(CommitError::Rejected(AdmissionRejected::EmailTaken)) => Ok(Outcome::Taken(place)),
            Err(CommitError::Rejected(AdmissionRejected::IdTaken)) => {
                match self.store.identities().user(id).await? {
                    Some(_) => Ok(Outcome::AlreadyThere),
                    None => Ok(Outcome::Erased(place)),
                }
            }
            Err(CommitError::Conflict) => Err(store::StoreError::Contended.into()),
            Err(CommitError::Store(failure)) => Err(failure.into()),
        }
    }

    async fn hash(&self, password: Password) -> Result<PasswordHash, HashError> {
        match password {
            Password::None => Ok(hashing::nothing()),
            Password::Foreign(foreign) => self.hasher.adopt(foreign, self.random.bytes()).await,
            Password::Ours(hash) => Ok(hash),
        }
    }

    fn cause(&self, now: Timestamp) -> EventContext {
        EventContext {
            event_id: self.random.id(now),
            occurred_at: now,
            actor: Actor::Operator,
            correlation_id: self.correlation_id.clone(),
            traceparent: None,
        }
    }
}

/// Digests of the addresses and ids of a file, each with the number of its first user.
#[derive(Default)]
struct Seen(HashMap<Digest, u64>);

impl Seen {
    /// Adds a user, unless another one has the same address or id.
    fn add(&mut self, place: Place, candidate: &Candidate) -> Result<(), Wrong> {
        let newcomer = &candidate.newcomer;
        for key in [newcomer.id.to_string(), newcomer.applicant.email.canonical().to_string()] {
            match self.0.entry(digest_of(key.as_bytes())) {
                Entry::Occupied(first) => {
                    return Err(Wrong::Repeated(place.with_number(*first.get()).to_string()));
                }
                Entry::Vacant(free) => drop(free.insert(place.number())),
            }
        }
        Ok(())
    }
}
