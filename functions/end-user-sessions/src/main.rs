//! Serves [`end_user_sessions`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(end_user_sessions::function)
}
