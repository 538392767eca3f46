//! Serves [`suppress_address`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(suppress_address::function)
}
