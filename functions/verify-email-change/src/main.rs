//! Serves [`verify_email_change`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(verify_email_change::function)
}
