//! Serves [`reset_password`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(reset_password::function)
}
