//! Serves [`create_user`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(create_user::function)
}
