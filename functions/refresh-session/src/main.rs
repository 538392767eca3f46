//! Serves [`refresh_session`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(refresh_session::function)
}
