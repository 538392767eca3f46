//! Serves [`read_user_counts`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(read_user_counts::function)
}
