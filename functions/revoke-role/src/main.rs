//! Serves [`revoke_role`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(revoke_role::function)
}
