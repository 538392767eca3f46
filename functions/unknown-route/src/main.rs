//! Serves [`unknown_route`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(unknown_route::function)
}
