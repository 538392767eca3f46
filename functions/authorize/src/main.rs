//! Serves [`authorize`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(authorize::function)
}
