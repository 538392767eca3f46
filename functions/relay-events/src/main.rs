//! Serves [`relay_events`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(relay_events::function)
}
