//! Serves [`export_data`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(export_data::function)
}
