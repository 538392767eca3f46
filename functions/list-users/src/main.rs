//! Serves [`list_users`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(list_users::function)
}
