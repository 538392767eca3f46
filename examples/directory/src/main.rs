//! Serves [`directory`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(directory::function)
}
