//! Serves [`withdraw_consent`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(withdraw_consent::function)
}
