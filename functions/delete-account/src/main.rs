//! Serves [`delete_account`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(delete_account::function)
}
