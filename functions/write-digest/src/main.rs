//! Serves [`write_digest`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(write_digest::function)
}
