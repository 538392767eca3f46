//! Serves [`suspend_user`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(suspend_user::function)
}
