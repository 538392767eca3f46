//! Serves [`count_users`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(count_users::function)
}
