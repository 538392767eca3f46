//! Serves [`request_password_reset`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(request_password_reset::function)
}
