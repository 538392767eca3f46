//! Serves [`read_userinfo`] on Lambda.

fn main() -> Result<(), cloud::StartFailed> {
    cloud::run(read_userinfo::function)
}
