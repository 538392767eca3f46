//! Serves [`resend_verification`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(resend_verification::function)
}
