//! Serves [`reactivate_user`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(reactivate_user::function)
}
