//! Serves [`receive_canary`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(receive_canary::function)
}
