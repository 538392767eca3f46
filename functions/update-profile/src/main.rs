//! Serves [`update_profile`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(update_profile::function)
}
