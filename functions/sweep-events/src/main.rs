//! Serves [`sweep_events`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(sweep_events::function)
}
