//! Serves [`update_user`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(update_user::function)
}
