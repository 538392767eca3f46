//! Registrations, resends and links in all orders: the account's only password is chosen by the reader of the
//! mail.

use proptest::prelude::*;
use serde_json::{Value, json};
use stage::Stage;

use crate::EMAIL;

#[derive(Clone, Copy, Debug)]
enum Step {
    Register {
        by_owner: bool,
        with_password: bool,
    },
    Resend,
    /// The owner uses a link, and presents the token of one of their registrations. Both are counted back
    /// from the newest.
    Follow {
        link: usize,
        token: Option<usize>,
        enters: bool,
    },
    /// An attacker tries each of their tokens, without a link.
    Pry,
}

/// A registration, as its author knows it.
struct Registered {
    by_owner: bool,
    password: Option<String>,
    token: String,
}

/// The knowledge of owner and attacker, and the expected state.
struct History {
    stage: Stage,
    registered: Vec<Registered>,
    /// The tokens of the links, each with the number of its registration.
    links: Vec<(String, usize)>,
    mails: usize,
    entered: Vec<String>,
    /// The only password that opens the account, and the registration that became the account.
    account: Option<(String, usize)>,
}

impl History {
    fn new() -> Self {
        let (registered, links, entered) = (Vec::new(), Vec::new(), Vec::new());
        Self { stage: Stage::new(), registered, links, mails: 0, entered, account: None }
    }

    async fn play(&mut self, step: Step) {
        match step {
            Step::Register { by_owner, with_password } => self.register(by_owner, with_password).await,
            Step::Resend => {
                let body = json!({"email": EMAIL});
                self.stage.post("/v1/registrations/resend", body).await.expect(202);
            }
            Step::Follow { link, token, enters } => self.follow(link, token, enters).await,
            Step::Pry => self.pry().await,
        }
        self.read_mail().await;
    }

    async fn register(&mut self, by_owner: bool, with_password: bool) {
        let author = if by_owner { "owner" } else { "stranger" };
        let password = with_password.then(|| format!("{author} chose number {}", self.registered.len()));
        let mut body = json!({"email": EMAIL, "first_name": author});
        if let Some(password) = &password {
            body["password"] = password.as_str().into();
        }
        let taken = self.stage.post("/v1/registrations", body).await.expect(202).body;
        let token = taken["registration_token"].as_str().expect("a token").to_owned();
        self.registered.push(Registered { by_owner, password, token });
    }

    /// Checks that each mail with a link belongs to the newest registration.
    async fn read_mail(&mut self) {
        self.stage.settle().await;
        let mails = self.stage.stack.mail();
        for mail in &mails[self.mails..] {
            if let Some(link) = mail.links.first() {
                let token = link.split_once("#token=").expect("a token").1.to_owned();
                self.links.push((token, self.registered.len() - 1));
            }
        }
        self.mails = mails.len();
    }

    async fn follow(&mut self, link: usize, token: Option<usize>, enters: bool) {
        let Some(at) = self.links.len().checked_sub(1 + link % self.links.len().max(1)) else { return };
        let (link, of) = self.links[at].clone();
        let own: Vec<_> =
            (0..self.registered.len()).rev().filter(|at| self.registered[*at].by_owner).collect();
        let presented = token.filter(|_| !own.is_empty()).map(|token| own[token % own.len()]);
        let mut body = json!({"token": link});
        if let Some(presented) = presented {
            body["registration_token"] = self.registered[presented].token.as_str().into();
        }
        let entered = enters.then(|| format!("the reader chose number {}", self.entered.len()));
        if let Some(entered) = &entered {
            body["password"] = entered.as_str().into();
            self.entered.push(entered.clone());
        }

        let answer = self.stage.post("/v1/registrations/verify", body).await;

        let is_newest = self.links.iter().rposition(|(_, other)| *other == of) == Some(at);
        let is_own = presented == Some(of);
        let adopted = self.registered[of].password.clone().filter(|_| is_own);
        let is_spent = self.account.as_ref().is_some_and(|(_, spent)| *spent == of);
        match entered.or(adopted) {
            _ if is_spent || !is_newest => assert_eq!(answer.status, 400, "{}", answer.body),
            // The password is asked for before the address is checked.
            None => assert_eq!(answer.status, 422, "{}", answer.body),
            Some(_) if self.account.is_some() => assert_eq!(answer.status, 400, "{}", answer.body),
            Some(password) => {
                let name = if is_own { json!("owner") } else { Value::Null };
                assert_eq!((answer.status, &answer.body["first_name"]), (201, &name), "{}", answer.body);
                self.account = Some((password, of));
            }
        }
    }

    async fn pry(&self) {
        for stranger in self.registered.iter().filter(|registered| !registered.by_owner) {
            for token in ["", "gpl_", &*stranger.token] {
                let body = json!({"token": token, "registration_token": stranger.token});
                self.stage.post("/v1/registrations/verify", body).await.expect(400);
            }
        }
    }

    async fn check(&self) {
        let (right, _) = self.account.as_ref().expect("an account");
        let chosen = self.registered.iter().filter_map(|registered| registered.password.as_ref());
        for wrong in chosen.chain(&self.entered).filter(|password| *password != right) {
            self.stage.log_in_with(EMAIL, wrong).await.expect(401);
        }
        self.stage.log_in_with(EMAIL, right).await.expect(201);
    }
}

async fn played(steps: impl IntoIterator<Item = Step>) {
    let mut history = History::new();
    for step in steps {
        history.play(step).await;
    }
    // In every case, the owner can still verify.
    if history.account.is_none() {
        history.play(Step::Register { by_owner: true, with_password: true }).await;
        history.play(Step::Follow { link: 0, token: Some(0), enters: false }).await;
    }
    history.check().await;
}

/// Three registrations by the owner and by attackers in every order. The owner uses each link as a page does:
/// first with the token of their browser, then with a password.
#[tokio::test]
async fn no_order_of_three_registrations_gives_an_attacker_access() {
    let orders = (0..8).flat_map(|order: u8| (0..3).map(move |link| (order, link)));
    let histories = orders.map(|(order, link)| {
        let register = |at: u8| Step::Register { by_owner: order & (1 << at) != 0, with_password: true };
        let follow = [
            Step::Follow { link, token: Some(0), enters: false },
            Step::Follow { link, token: Some(0), enters: true },
        ];
        played([register(0), register(1), register(2), Step::Pry].into_iter().chain(follow))
    });
    futures_util::future::join_all(histories).await;
}

fn step() -> impl Strategy<Value = Step> {
    let register = (any::<bool>(), prop::bool::weighted(0.7));
    let follow = (0_usize..3, prop::option::of(0_usize..3), any::<bool>());
    prop_oneof![
        4 => register.prop_map(|(by_owner, with_password)| Step::Register { by_owner, with_password }),
        2 => Just(Step::Resend),
        3 => follow.prop_map(|(link, token, enters)| Step::Follow { link, token, enters }),
        1 => Just(Step::Pry),
    ]
}

/// Limits the mails to four, so that the owner's last one is within the hourly cap.
fn few_mails(steps: &[Step]) -> bool {
    let asks = |step: &&Step| matches!(step, Step::Register { .. } | Step::Resend);
    steps.iter().filter(asks).count() <= 4
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn the_only_password_is_the_readers(
        steps in prop::collection::vec(step(), 1..9).prop_filter("few mails", |steps| few_mails(steps))
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(played(steps));
    }
}
