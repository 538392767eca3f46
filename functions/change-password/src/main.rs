//! Serves [`change_password`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(change_password::function)
}
