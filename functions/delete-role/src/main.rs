//! Serves [`delete_role`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(delete_role::function)
}
