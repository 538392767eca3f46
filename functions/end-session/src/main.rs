//! Serves [`end_session`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(end_session::function)
}
