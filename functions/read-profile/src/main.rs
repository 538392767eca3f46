//! Serves [`read_profile`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(read_profile::function)
}
