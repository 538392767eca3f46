//! Serves [`rotate_keys`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(rotate_keys::function)
}
