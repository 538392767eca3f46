//! `gatepost users import`: takes users over from a file of another system, or of another Gatepost.

use std::{
    collections::{HashMap, hash_map::Entry},
    io, iter,
    path::PathBuf,
};

use clap::{ArgMatches, Command, builder::PossibleValuesParser, value_parser};
use cloud::{Clock, Random};
use credentials::{HashFailed, Hasher};
use domain::{Actor, EventContext, Hashes, InvalidLocale, PasswordHash, Timestamp};
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use serde_json::{Value, json};
use store::{AdmissionRejected, CommitError, Store};
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{
    UsersError,
    formats::{Digest, Format, HashParameters, Place, UsersFile, digest_of},
    record::{Candidate, Password, Record, Unverified, Wrong},
};
use crate::{
    outbox::Ended,
    report::{Progress, Report},
    system::{System, flag, value},
};

/// How many users are written concurrently.
const CONCURRENCY: usize = 32;

const TAKEN: &str = "there is another user with this address";
const ERASED: &str = "this user was erased here";

pub(super) fn command() -> Command {
    let formats = PossibleValuesParser::new(Format::ALL.map(Format::name));
    Command::new("import")
        .about("Takes users over from a file: checks all of it first, and goes on where it was interrupted")
        .arg(super::file("What another system has exported, or `gatepost users export`"))
        .arg(
            value("format", "SYSTEM", "Whose export it is; by default what it looks like")
                .value_parser(formats),
        )
        .arg(
            value(
                "hash-parameters",
                "FILE",
                "Firebase's password hash parameters, as its console shows them",
            )
            .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            value(
                "unverified",
                "WHAT",
                "What becomes of people whose address the file does not say to be proven",
            )
            .value_parser(["refuse", "skip", "accept"])
            .default_value("refuse"),
        )
        .arg(flag("no-events", "Publishes nothing: the users' histories begin with their next change"))
        .arg(flag("dry-run", "Checks the file, and writes nothing"))
}

/// What becomes of somebody.
enum Outcome {
    Imported,
    /// By an earlier run.
    AlreadyThere,
    Taken(Place),
    /// Here, once and for all.
    Erased(Place),
}

#[derive(Default)]
struct Outcomes {
    imported: usize,
    already_there: usize,
    refused: Vec<(Place, &'static str)>,
}

/// What takes people over.
struct Import {
    store: Store,
    hasher: Hasher,
    clock: Clock,
    random: Random,
    /// Names this run in the events.
    correlation_id: String,
    has_events: bool,
}

pub(super) async fn run(
    system: &System,
    report: &Report,
    arguments: &ArgMatches,
) -> Result<Ended, UsersError> {
    let import = Import::open(system, !arguments.get_flag("no-events")).await?;
    let mut file = open(arguments)?;
    let rules = Rules { format: file.format, unverified: unverified(arguments), now: import.clock.now() };
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
        return Err(UsersError::Bad { bad: judged.bad.len(), all: judged.users() });
    }
    report_omissions(&judged, report, &mut document);
    if report.dry_run {
        report.line(&format!("would import {} users of {format}, leave out {left_out}", judged.good));
        document["importable"] = judged.good.into();
        report.document(document);
        return Ok(Ended::Well);
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
    Ok(if refused.is_empty() { Ended::Well } else { Ended::WithFindings })
}

/// Reports what users lose who are imported all the same.
fn report_omissions(judged: &Judged, report: &Report, document: &mut Value) {
    for (place, invalid) in &judged.locales {
        report.line(&format!("{place}: the locale is left out: it {invalid}"));
    }
    document["locales_left_out"] = documents(&judged.locales).into();
    let administrators = judged.administrators;
    if administrators > 0 {
        report.line(&format!(
            "the role admin of {administrators} users is left out: `gatepost users grant-admin` gives it"
        ));
        document["administrators_left_out"] = administrators.into();
    }
}

fn unverified(arguments: &ArgMatches) -> Unverified {
    match arguments.get_one::<String>("unverified").map(String::as_str) {
        Some("skip") => Unverified::Skip,
        Some("accept") => Unverified::Accept,
        _ => Unverified::Refuse,
    }
}

fn documents(people: &[(Place, impl ToString)]) -> Vec<Value> {
    let mut documents = Vec::new();
    for (place, reason) in people {
        documents.push(json!({"at": place.to_string(), "reason": reason.to_string()}));
    }
    documents
}

fn open(arguments: &ArgMatches) -> Result<UsersFile, UsersError> {
    let parameters = match arguments.get_one::<PathBuf>("hash-parameters") {
        Some(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| UsersError::File(path.clone(), error))?;
            Some(HashParameters::parse(&text).ok_or_else(|| UsersError::HashParameters(path.clone()))?)
        }
        None => None,
    };
    let name = arguments.get_one::<String>("format");
    let format = name.and_then(|name| Format::ALL.into_iter().find(|format| format.name() == name));
    let path = arguments.get_one::<PathBuf>("file").cloned().unwrap_or_default();
    UsersFile::open(&path, format, parameters)
}

/// The rules that decide about a record, the same at each reading of the file.
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

/// The outcome of judging all users of a file: counts, and what is reported by line.
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
    async fn open(system: &System, has_events: bool) -> Result<Self, UsersError> {
        let cloud = system.cloud("register")?;
        let hasher = passwords::hasher(&cloud)?;
        Ok(Self {
            store: Store::new(&cloud)?,
            hasher: Hasher::clone(&*hasher.get().await?),
            clock: cloud.clock(),
            random: cloud.random(),
            correlation_id: cloud.random().uuid().to_string(),
            has_events,
        })
    }

    /// Judges all users of a file before anything is written.
    fn judge(&self, file: &mut UsersFile, rules: Rules) -> Result<Judged, UsersError> {
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
                Ok((Err(HashFailed::UnknownPepper), _)) => return Err(UsersError::OtherSecret),
                Ok((Err(_), _)) => judged.bad.push((place, Wrong::NotOurs)),
                Err(wrong) => judged.bad.push((place, wrong)),
            }
            Ok(())
        })?;
        Ok(judged)
    }

    /// Whether the present password and those before could be verified.
    fn check(&self, Candidate { password, previous_passwords, .. }: &Candidate) -> Result<(), HashFailed> {
        iter::once(password).chain(previous_passwords).try_for_each(|password| match password {
            Password::Ours(hash) => self.hasher.check(hash),
            Password::None | Password::Foreign(_) => Ok(()),
        })
    }

    /// Reads the file again, and imports some users concurrently.
    async fn all(&self, mut file: UsersFile, rules: Rules) -> Result<Outcomes, UsersError> {
        let (sender, mut receiver) = mpsc::channel(CONCURRENCY);
        let reading = spawn_blocking(move || {
            file.visit(|place, record| match rules.judge(record) {
                Ok(Some(candidate)) => {
                    // The receiver is gone only after an error of its own, which is reported.
                    let sent = sender.blocking_send((place, candidate));
                    sent.map_err(|_| UsersError::Permitted(io::ErrorKind::BrokenPipe.into()))
                }
                // The same bytes were judged before: no user is wrong.
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

    /// One transaction for each. Who is there with the same id was taken over by an earlier run.
    async fn one(&self, place: Place, candidate: Candidate) -> Result<Outcome, UsersError> {
        let Candidate { newcomer, password, previous_passwords, .. } = candidate;
        let (id, email) = (newcomer.id, newcomer.applicant.email.clone());
        // Before the work of a hash.
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
            // Somebody else has been quicker, or the same user has another address by now.
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

    async fn hash(&self, password: Password) -> Result<PasswordHash, HashFailed> {
        match password {
            Password::None => Ok(credentials::nothing()),
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

/// Digests of the addresses and ids of a file, each with the number of its first place.
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
