//! Serves [`put_role`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(put_role::function)
}
