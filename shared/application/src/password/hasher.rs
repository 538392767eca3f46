//! How passwords are hashed here, as the settings and the credentials secret say.

use cloud::{Cloud, FromSecret, SettingError, Settings};
use hashing::{Hasher, Parameters};

/// The parameters that the settings `ARGON2_MEMORY_KIB` and `ARGON2_ITERATIONS` name.
///
/// # Errors
/// If one is missing, or they are too weak together or beyond all measure.
pub fn parameters(settings: &Settings) -> Result<Parameters, SettingError> {
    let (memory, iterations) = (settings.parsed("ARGON2_MEMORY_KIB")?, settings.parsed("ARGON2_ITERATIONS")?);
    Parameters::new(memory, iterations)
        .map_err(|error| SettingError::of("ARGON2_MEMORY_KIB", format!("and ARGON2_ITERATIONS {error}")))
}

/// A hasher with these parameters and the peppers of the credentials secret.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn hasher(cloud: &Cloud) -> Result<FromSecret<Hasher>, SettingError> {
    let parameters = parameters(cloud.settings())?;
    FromSecret::credentials(cloud, move |seeds| Some(Hasher::new(parameters, seeds)))
}
