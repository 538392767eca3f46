//! Serves [`answer_interaction`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(answer_interaction::function)
}
