//! Serves [`revoke_token`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(revoke_token::function)
}
