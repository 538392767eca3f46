//! Serves [`show_pages`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(show_pages::function)
}
