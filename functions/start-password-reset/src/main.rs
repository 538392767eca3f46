//! Serves [`start_password_reset`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(start_password_reset::function)
}
