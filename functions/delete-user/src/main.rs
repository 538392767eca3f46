//! Serves [`delete_user`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(delete_user::function)
}
