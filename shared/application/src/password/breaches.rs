//! Whether a password was stolen elsewhere: asked of Have I Been Pwned by the first five digits of its
//! SHA-1, if the deployment wants that. Whoever answers too late is not waited for.

use std::time::Duration;

use cloud::{Cloud, SettingError, Web};
use domain::{BreachCheck, InvalidPassword, Password};
use hashing::BreachKey;
use tracing::warn;

const URL: &str = "https://api.pwnedpasswords.com";
/// An answer takes a tenth of that; nobody's password waits much longer than for its hash.
const TIME: Duration = Duration::from_secs(1);
/// All answers are of about one size then, so that nobody on the way learns anything by it.
const HEADERS: &[(&str, &str)] = &[("add-padding", "true"), ("user-agent", "gatepost")];

/// The passwords that were stolen elsewhere.
pub(crate) struct Breaches(Web);

impl Breaches {
    /// What the setting `BREACHED_PASSWORDS` says: `check`, or `off` for nothing at all.
    pub(crate) fn new(cloud: &Cloud) -> Result<Option<Self>, SettingError> {
        match cloud.settings().text("BREACHED_PASSWORDS")?.as_str() {
            "off" => Ok(None),
            "check" => Ok(Some(Self(Web::new(cloud, URL, TIME, HEADERS)))),
            _ => Err(SettingError::new("BREACHED_PASSWORDS", "must be `off` or `check`")),
        }
    }

    /// Whether there is anything to tell, if the password may be taken.
    pub(crate) async fn check(&self, password: &Password) -> Result<Option<BreachCheck>, InvalidPassword> {
        let key = BreachKey::of(password);
        match self.0.get(format!("/range/{}", key.range())).await {
            Ok(range) if key.is_in(&range) => Err(InvalidPassword::Breached),
            Ok(_) => Ok(None),
            Err(_) => {
                warn!("nobody says whether a new password was stolen elsewhere: it is taken");
                Ok(Some(BreachCheck::Unavailable))
            }
        }
    }
}
