//! The life of a session, compared with a model: refreshes, retries, replays, pauses and log-outs in any
//! order.

use std::time::Duration;

use proptest::{collection::vec, prelude::*, test_runner::Config};
use stage::{Stage, Tokens};

const EMAIL: &str = "ada@example.com";
const IDLE: u64 = 7 * 24 * 60 * 60;
const ABSOLUTE: u64 = 30 * 24 * 60 * 60;
const RETRY_WINDOW: u64 = 10;

#[derive(Clone, Debug)]
enum Step {
    /// Presents the token of an earlier generation, several times concurrently.
    Refresh {
        generations_ago: usize,
        times: usize,
    },
    /// Lets some seconds pass.
    Pass(u64),
    LogOut,
}

fn step() -> impl Strategy<Value = Step> {
    let ago = prop_oneof![6 => Just(0), 3 => Just(1), 1 => 2_usize..5];
    let times = prop_oneof![4 => Just(1), 1 => Just(3)];
    let seconds =
        prop_oneof![4 => 0..=12_u64, 1 => Just(IDLE - 1), 1 => Just(IDLE), 1 => Just(5 * 24 * 60 * 60_u64)];
    prop_oneof![
        12 => (ago, times).prop_map(|(generations_ago, times)| Step::Refresh { generations_ago, times }),
        6 => seconds.prop_map(Step::Pass),
        1 => Just(Step::LogOut),
    ]
}

/// The model of a session.
struct Model {
    now: u64,
    generation: usize,
    rotated_at: u64,
    has_ended: bool,
}

impl Model {
    const fn expired(&self) -> bool {
        self.now >= self.rotated_at + IDLE || self.now >= ABSOLUTE
    }

    /// Returns the expected result of presenting a generation's token: the granted generation, or the
    /// problem.
    fn refresh(&mut self, presented: usize) -> Result<usize, &'static str> {
        if self.has_ended {
            return Err("invalid-token");
        }
        if self.expired() {
            return Err("token-expired");
        }
        if presented == self.generation {
            self.generation += 1;
            self.rotated_at = self.now;
            return Ok(self.generation);
        }
        if presented + 1 == self.generation && self.now - self.rotated_at <= RETRY_WINDOW {
            return Ok(self.generation);
        }
        self.has_ended = true;
        Err("token-reused")
    }
}

async fn live(steps: Vec<Step>) {
    let stage = Stage::new();
    let first = stage.signed_in(EMAIL).await;
    let mut tokens = vec![first];
    let mut model = Model { now: 0, generation: 0, rotated_at: 0, has_ended: false };
    for step in steps {
        match step {
            Step::Pass(seconds) => {
                model.now += seconds;
                stage.pass(Duration::from_secs(seconds));
            }
            Step::LogOut => {
                let newest = tokens.last().expect("a token");
                // An access token expires after ten minutes. After that, it cannot log out.
                let is_done = stage.log_out(&newest.access).await.status == 204;
                model.has_ended |= is_done;
            }
            Step::Refresh { generations_ago, times } => {
                let presented = (tokens.len() - 1).saturating_sub(generations_ago);
                let token = tokens[presented].refresh.clone();
                let answers = futures_util::future::join_all((0..times).map(|_| stage.refresh(&token))).await;
                let expected: Vec<_> = (0..times).map(|_| model.refresh(presented)).collect();
                check(&answers, &expected, &mut tokens);
            }
        }
    }
}

/// Compares responses, in any order because they are concurrent.
fn check(answers: &[stage::Answer], expected: &[Result<usize, &str>], tokens: &mut Vec<Tokens>) {
    let mut problems: Vec<_> =
        answers.iter().filter(|answer| answer.status == 401).map(stage::Answer::problem).collect();
    let mut expected_problems: Vec<_> = expected.iter().filter_map(|answer| answer.err()).collect();
    problems.sort_unstable();
    expected_problems.sort_unstable();
    assert_eq!(problems, expected_problems);
    for (granted, generation) in answers
        .iter()
        .filter(|answer| answer.status == 200)
        .zip(expected.iter().filter_map(|answer| answer.ok()))
    {
        let granted = Tokens::of(&granted.body);
        match tokens.get(generation) {
            Some(before) => assert_eq!(before.refresh, granted.refresh, "a generation has one token"),
            None => tokens.push(granted),
        }
    }
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 200).count(),
        expected.iter().filter(|answer| answer.is_ok()).count()
    );
}

proptest! {
    #![proptest_config(Config { cases: 48, ..Config::default() })]

    #[test]
    fn a_session_behaves_like_its_model(steps in vec(step(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(live(steps));
    }
}
