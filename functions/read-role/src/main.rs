//! Serves [`read_role`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(read_role::function)
}
