//! Serves [`end_other_sessions`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(end_other_sessions::function)
}
