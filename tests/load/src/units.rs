//! What each use case costs: how often it waits, the units of DynamoDB that it pays, and its CPU time.

use std::{sync::OnceLock, time::Duration};

use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder};
use local::{
    Request,
    calls::{Made, round_trips},
};
use serde_json::{Value, json};
use stage::{Answer, PASSWORD, Stage, Tokens, upload::Form};

use crate::{
    Failed,
    cryptography::BareHash,
    measure::{cpu, median, micros, runtime},
    table::Table,
};

/// As many live through everything, after one for whom all is fetched that a process fetches once.
const PEOPLE: usize = 15;
const ADMIN: &str = "root@example.net";
const OTHER_PASSWORD: &str = "battery staple, correct";
const THIRD_PASSWORD: &str = "staple of correct horses";
/// Longer than a deletion can be taken back.
const GRACE: Duration = Duration::from_hours(31 * 24);
/// One use case, its function, and its budget: round trips, write units, read units.
static REGISTER: UseCase = ("register", "register", Some([1.0, 5.0, 0.0]));
static RESEND: UseCase = ("resend the link", "resend-verification", None);
static VERIFY: UseCase = ("verify e-mail", "verify-registration", Some([2.0, 9.0, 1.0]));
/// Its middle round trip hides behind the hash.
static LOG_IN: UseCase = ("log in", "log-in", Some([3.0, 8.0, 2.0]));
static REFRESH: UseCase = ("refresh", "refresh-session", Some([1.0, 1.0, 1.0]));
static READ_PROFILE: UseCase = ("read profile", "read-profile", Some([1.0, 0.0, 1.0]));
static LOG_OUT: UseCase = ("log out", "log-out", Some([2.0, 7.0, 1.0]));
static UPDATE_PROFILE: UseCase = ("update profile", "update-profile", None);
static UPLOAD_FORM: UseCase = ("sign an upload form", "read-upload-form", None);
static SET_PICTURE: UseCase = ("set a picture of 12 megapixels", "set-picture", None);
static READ_PICTURE: UseCase = ("show a picture", "read-picture", None);
static LIST_SESSIONS: UseCase = ("list sessions", "list-sessions", None);
static END_SESSION: UseCase = ("end a session", "end-session", None);
static END_OTHERS: UseCase = ("end other sessions", "end-other-sessions", None);
/// Of its hashes, none hides behind another.
static CHANGE_PASSWORD: UseCase = ("change password", "change-password", Some([2.0, 9.0, 2.0]));
static ASK_RESET: UseCase = ("ask for a new password", "request-password-reset", None);
static RESET: UseCase = ("reset password", "reset-password", None);
static CHANGE_EMAIL: UseCase = ("change e-mail", "change-email", None);
static VERIFY_CHANGE: UseCase = ("verify the new e-mail", "verify-email-change", None);
static HISTORY: UseCase = ("read history", "read-history", None);
static CREATE_USER: UseCase = ("create user", "create-user", None);
static ACCEPT: UseCase = ("accept an invitation", "reset-password", None);
static UPDATE_USER: UseCase = ("update user", "update-user", None);
static START_RESET: UseCase = ("start a password reset", "start-password-reset", None);
static USER_HISTORY: UseCase = ("read user history", "read-user-history", None);
static EXPORT: UseCase = ("export data", "export-data", None);
static DELETE: UseCase = ("delete account", "delete-account", None);
static SUSPEND: UseCase = ("suspend a user", "suspend-user", None);
static REACTIVATE: UseCase = ("reactivate a user", "reactivate-user", None);
static END_USER: UseCase = ("end a user's sessions", "end-user-sessions", None);
static DELETE_USER: UseCase = ("delete a user", "delete-user", None);
static ERASE: UseCase = ("erase a user of 14 events", "erase-users", None);
/// Of each event: what came before, the mark, and the item that leaves the index.
static RELAY: UseCase = ("an event relayed", "relay-events", Some([2.0, 2.0, 0.0]));
static MAIL: UseCase = ("the mail sent", "send-mail", None);
static SWEEP: UseCase = ("a sweep that finds nothing", "sweep-events", None);

/// As large as a telephone's, and with as much to see in it: a JPEG of 2.6 MB.
fn photograph() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let light =
            |x: u32, y: u32| u8::try_from((x * x / 97 + y * y / 89 + (x ^ y)) % 256).unwrap_or_default();
        let picture = RgbImage::from_fn(4000, 3000, |x, y| {
            Rgb([light(x / 8, y / 8), light(y / 9, x / 7), light(x / 5, 0)])
        });
        let mut file = Vec::new();
        // Writing to memory does not fail.
        drop(JpegEncoder::new_with_quality(&mut file, 85).encode_image(&picture));
        file
    })
}

type UseCase = (&'static str, &'static str, Option<[f64; 3]>);

/// What was seen of each use case, in the order in which they came first.
#[derive(Default)]
struct Figures(Vec<Figure>);

struct Figure {
    use_case: &'static UseCase,
    /// What it follows, of mails: they differ.
    after: &'static str,
    /// Of each person: two calls at once may come one after the other on a busy machine.
    steps: Vec<usize>,
    written: f64,
    read: f64,
    /// Of the whole process, the embedded database with it. None of what works behind the bus: it has
    /// no time of its own here.
    cpu: Vec<Duration>,
}

pub(crate) fn run() -> Result<(), Failed> {
    let often = |setup: local::Setup| {
        let setup = setup.with_parameter("MailRequestsPerIp", "100000");
        setup.with_parameter("LogInAttemptsPerIp", "100000").recording()
    };
    let mut bare = BareHash::new()?;
    let figures = runtime()?.block_on(async {
        let stage = Stage::with(often);
        stage.stack.warm().await?;
        stage.administrator(ADMIN).await;
        let (mut unseen, mut figures) = Default::default();
        live(&stage, "first@example.com", &mut unseen).await;
        for person in 1..=PEOPLE {
            live(&stage, &format!("{person}@example.com"), &mut figures).await;
        }
        erase(&stage).await?;
        let admin = log_in(&stage, ADMIN, PASSWORD).await;
        unseen.of_administering(&stage, &admin, "other@example.com").await;
        for other in 1..=PEOPLE {
            figures.of_administering(&stage, &admin, &format!("other-{other}@example.com")).await;
        }
        erase(&stage).await?;
        live(&stage, "last@example.com", &mut unseen).await;
        let erased = erase(&stage).await?;
        figures.add(&ERASE, "", &erased, None);
        stage.forget_calls();
        stage.stack.run_schedule(SWEEP.1).await?;
        figures.add(&SWEEP, "", &stage.stack.calls(), None);
        Ok::<_, Failed>(figures)
    })?;
    let hashes = (0..PEOPLE).map(|_| {
        let before = cpu();
        bare.hash().map(|()| cpu().saturating_sub(before))
    });
    let hash = median(hashes.collect::<Result<Vec<_>, Failed>>()?.into_iter());
    figures.print(&format!(
        "Calls of AWS that wait for one another, units of DynamoDB, and CPU time of the request with the local cloud \
         (a bare Argon2id: {}): of {} people, all that a process fetches once fetched",
        micros(hash),
        PEOPLE
    ));
    Ok(())
}

/// From registration to deletion.
async fn live(stage: &Stage, email: &str, figures: &mut Figures) {
    figures.of_administration(stage, &format!("invited-{email}")).await;
    figures.of_beginning(stage, email).await;
    figures.of_keeping(stage, email).await;
}

/// What erasing all whose time has come asks for.
async fn erase(stage: &Stage) -> Result<Vec<Made>, Failed> {
    stage.pass(GRACE);
    stage.forget_calls();
    stage.stack.run_schedule(ERASE.1).await?;
    Ok(stage.stack.calls())
}

impl Figures {
    /// From the registration to the end of the first session.
    async fn of_beginning(&mut self, stage: &Stage, email: &str) {
        let credentials = json!({"email": email, "password": PASSWORD});
        let register = Request::post("/v1/registrations", &credentials);
        let registered = self.step(stage, &REGISTER, register, 202).await;
        let resend = Request::post("/v1/registrations/resend", &json!({"email": email}));
        self.step(stage, &RESEND, resend, 202).await;
        let registration_token = &registered.body["registration_token"];
        let link = json!({"token": stage.link(email).await, "registration_token": registration_token});
        self.step(stage, &VERIFY, Request::post("/v1/registrations/verify", &link), 201).await;
        let granted = self.step(stage, &LOG_IN, Request::post("/v1/sessions", &credentials), 201).await;
        let tokens = Tokens::of(&granted.body);
        let refresh = json!({"refresh_token": tokens.refresh});
        self.step(stage, &REFRESH, Request::post("/v1/sessions/refresh", &refresh), 200).await;
        let me = Request::get("/v1/me").bearer(&tokens.access);
        self.step(stage, &READ_PROFILE, me, 200).await;
        let end = Request::delete("/v1/sessions/current").bearer(&tokens.access);
        self.step(stage, &LOG_OUT, end, 204).await;
    }

    /// What people do with an account that they have, to its end.
    async fn of_keeping(&mut self, stage: &Stage, email: &str) {
        self.of_sessions(stage, email).await;
        let with = |method: &str, path: &str, body: Value, token: &str| {
            Request::new(method, path).json(&body).bearer(token)
        };
        let mine = log_in(stage, email, PASSWORD).await;
        let passwords = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
        let change = with("PUT", "/v1/me/password", passwords, &mine.access);
        self.step(stage, &CHANGE_PASSWORD, change, 204).await;
        let ask = Request::post("/v1/password-resets", &json!({"email": email}));
        self.step(stage, &ASK_RESET, ask, 202).await;
        let reset = json!({"token": stage.link(email).await, "new_password": THIRD_PASSWORD});
        self.step(stage, &RESET, Request::post("/v1/password-resets/confirm", &reset), 204).await;

        let mine = log_in(stage, email, THIRD_PASSWORD).await;
        self.step(stage, &HISTORY, Request::get("/v1/me/events").bearer(&mine.access), 200).await;
        self.step(stage, &EXPORT, Request::get("/v1/me/export").bearer(&mine.access), 200).await;
        let moved = format!("new-{email}");
        let change = json!({"new_email": moved, "password": THIRD_PASSWORD});
        self.step(stage, &CHANGE_EMAIL, with("POST", "/v1/me/email", change, &mine.access), 202).await;
        let link = json!({"token": stage.link(&moved).await});
        let verify = with("POST", "/v1/me/email/verify", link, &mine.access);
        self.step(stage, &VERIFY_CHANGE, verify, 200).await;

        let mine = log_in(stage, &moved, THIRD_PASSWORD).await;
        let delete = with("DELETE", "/v1/me", json!({"password": THIRD_PASSWORD}), &mine.access);
        self.step(stage, &DELETE, delete, 204).await;
    }

    /// What administrators do to somebody, to the end.
    async fn of_administering(&mut self, stage: &Stage, admin: &Tokens, email: &str) {
        let user = stage.registered(email).await;
        let id = user["id"].as_str().unwrap_or_default();
        let what = |method: &str, what: &str| {
            let request = Request::new(method, &format!("/v1/users/{id}{what}"));
            request.json(&json!({"reason": "ticket 4711"})).bearer(&admin.access)
        };
        self.step(stage, &SUSPEND, what("POST", "/suspend"), 200).await;
        self.step(stage, &REACTIVATE, what("POST", "/reactivate"), 200).await;
        self.step(stage, &END_USER, what("POST", "/end-sessions"), 204).await;
        self.step(stage, &DELETE_USER, what("DELETE", ""), 204).await;
    }

    /// What an administrator does about somebody else, who is invited and accepts.
    async fn of_administration(&mut self, stage: &Stage, email: &str) {
        let admin = log_in(stage, ADMIN, PASSWORD).await;
        let with = |method: &str, path: &str, body: Value| {
            Request::new(method, path).json(&body).bearer(&admin.access)
        };
        let wanted = json!({"email": email, "reason": "ticket 4711"});
        let made = self.step(stage, &CREATE_USER, with("POST", "/v1/users", wanted), 201).await;
        let accept = json!({"token": stage.link(email).await, "new_password": PASSWORD});
        self.step(stage, &ACCEPT, Request::post("/v1/password-resets/confirm", &accept), 204).await;
        let path = made.header("location");
        let change = json!({"first_name": "Grace", "reason": "ticket 4711"});
        self.step(stage, &UPDATE_USER, with("PATCH", path, change), 200).await;
        let reset = with("POST", &format!("{path}/password-reset"), json!({"reason": "ticket 4711"}));
        self.step(stage, &START_RESET, reset, 202).await;
        let history = Request::get(&format!("{path}/events")).bearer(&admin.access);
        self.step(stage, &USER_HISTORY, history, 200).await;
    }

    async fn of_sessions(&mut self, stage: &Stage, email: &str) {
        let (mine, other) = (log_in(stage, email, PASSWORD).await, log_in(stage, email, PASSWORD).await);
        let name = Request::new("PATCH", "/v1/me").json(&json!({"first_name": "Augusta"}));
        self.step(stage, &UPDATE_PROFILE, name.bearer(&mine.access), 200).await;
        self.of_pictures(stage, &mine).await;
        let list = Request::get("/v1/me/sessions").bearer(&mine.access);
        self.step(stage, &LIST_SESSIONS, list, 200).await;
        let end = Request::delete(&format!("/v1/me/sessions/{}", other.session_id));
        self.step(stage, &END_SESSION, end.bearer(&mine.access), 204).await;
        let end = Request::delete("/v1/me/sessions").bearer(&mine.access);
        self.step(stage, &END_OTHERS, end, 204).await;
    }

    async fn of_pictures(&mut self, stage: &Stage, mine: &Tokens) {
        let form = Request::get("/v1/me/picture/upload-form?content_type=image/jpeg").bearer(&mine.access);
        let form = Form::of(&self.step(stage, &UPLOAD_FORM, form, 200).await.body);
        stage.send(form.with_file(photograph())).await.expect(204);
        let set = Request::new("PUT", "/v1/me/picture").bearer(&mine.access);
        let user = self.step(stage, &SET_PICTURE, set, 200).await.body;
        let path = user["picture"].as_str().unwrap_or_default();
        self.step(stage, &READ_PICTURE, Request::get(path), 200).await;
    }

    /// One use case, and what its event leads to.
    async fn step(
        &mut self,
        stage: &Stage,
        use_case: &'static UseCase,
        request: Request,
        status: u16,
    ) -> Answer {
        stage.settle().await;
        stage.forget_calls();
        let before = cpu();
        let answer = stage.send(request).await.expect(status);
        self.add(use_case, "", &stage.stack.calls(), Some(cpu().saturating_sub(before)));
        stage.settle().await;
        let afterwards = stage.stack.calls();
        self.add(&RELAY, "", &afterwards, None);
        self.add(&MAIL, use_case.0, &afterwards, None);
        answer
    }

    /// What the function of a use case did, if it did anything.
    fn add(
        &mut self,
        use_case: &'static UseCase,
        after: &'static str,
        calls: &[Made],
        cpu: Option<Duration>,
    ) {
        let own: Vec<_> = calls.iter().filter(|made| made.call.function == use_case.1).collect();
        if own.is_empty() {
            return;
        }
        let reads =
            |made: &&&Made| matches!(made.call.operation.as_str(), "GetItem" | "Query" | "BatchGetItem");
        let total = |reading| {
            own.iter().filter(|made| reads(made) == reading).fold(0.0, |sum, made| sum + units(made))
        };
        let (steps, written, read) = (round_trips(own.iter().copied()), total(false), total(true));
        match self.0.iter_mut().find(|known| (known.use_case.0, known.after) == (use_case.0, after)) {
            // Of a user's first event and the later ones, the dearer.
            Some(known) => {
                known.steps.push(steps);
                (known.written, known.read) = (known.written.max(written), known.read.max(read));
                known.cpu.extend(cpu);
            }
            None => self.0.push(Figure {
                use_case,
                after,
                steps: vec![steps],
                written,
                read,
                cpu: Vec::from_iter(cpu),
            }),
        }
    }

    fn print(&self, title: &str) {
        let mut table =
            Table::new(["", "round trips one after another", "write units", "read units", "CPU", "budget"]);
        for Figure { use_case: (name, _, budget), after, steps, written, read, cpu } in &self.0 {
            let nothing = || "–".to_owned();
            let budget = budget.map_or_else(nothing, |[steps, write, read]| {
                format!("{steps} trips, {write} write, {read} read")
            });
            let cpu = if cpu.is_empty() { nothing() } else { micros(median(cpu.iter().copied())) };
            let (written, read) = (written.to_string(), read.to_string());
            let name = if after.is_empty() { (*name).to_owned() } else { format!("{after}: {name}") };
            let steps = median(steps.iter().copied()).to_string();
            table.row([name, steps, written, read, cpu, budget]);
        }
        table.print(title);
    }
}

async fn log_in(stage: &Stage, email: &str, password: &str) -> Tokens {
    Tokens::of(&stage.log_in_with(email, password).await.expect(201).body)
}

fn units(made: &Made) -> f64 {
    made.capacity.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum()
}
