//! Serves [`register`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(register::function)
}
