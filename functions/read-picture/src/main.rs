//! Serves [`read_picture`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(read_picture::function)
}
