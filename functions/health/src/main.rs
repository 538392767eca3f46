//! Serves [`health`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(health::function)
}
