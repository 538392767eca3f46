//! Serves [`read_upload_form`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(read_upload_form::function)
}
