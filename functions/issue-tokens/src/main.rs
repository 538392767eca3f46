//! Serves [`issue_tokens`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(issue_tokens::function)
}
