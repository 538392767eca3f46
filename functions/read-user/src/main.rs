//! Serves [`read_user`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(read_user::function)
}
