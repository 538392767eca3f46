//! Serves [`verify_registration`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(verify_registration::function)
}
