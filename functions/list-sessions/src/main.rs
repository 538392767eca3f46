//! Serves [`list_sessions`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(list_sessions::function)
}
