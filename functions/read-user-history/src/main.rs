//! Serves [`read_user_history`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(read_user_history::function)
}
