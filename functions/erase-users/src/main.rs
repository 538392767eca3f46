//! Serves [`erase_users`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(erase_users::function)
}
