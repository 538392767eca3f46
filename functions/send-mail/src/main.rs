//! Serves [`send_mail`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(send_mail::function)
}
