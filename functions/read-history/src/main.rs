//! Serves [`read_history`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(read_history::function)
}
