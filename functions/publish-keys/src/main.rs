//! Serves [`publish_keys`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(publish_keys::function)
}
