//! Serves [`publish_contract`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(publish_contract::function)
}
