//! Serves [`log_in`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(log_in::function)
}
