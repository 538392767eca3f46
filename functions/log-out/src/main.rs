//! Serves [`log_out`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(log_out::function)
}
