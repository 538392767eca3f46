//! Serves [`grant_role`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(grant_role::function)
}
