//! Serves [`change_email`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(change_email::function)
}
