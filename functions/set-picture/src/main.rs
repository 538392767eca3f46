//! Serves [`set_picture`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(set_picture::function)
}
