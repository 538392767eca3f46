//! Serves [`list_roles`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(list_roles::function)
}
