//! A new password: what it must be, and what an answer says of one that is not acceptable.

use api::FieldProblem;
use cloud::{Cloud, SettingError, Settings};
use credentials::{HashFailed, Hasher, Verdict};
use domain::{
    Credential, Email, InvalidPassword, Name, NewPassword, OwnWords, Password, PasswordPolicy, Secret, User,
};
use thiserror::Error;

use crate::{breaches::Breaches, reentry::Proven};

/// What new passwords must be here.
pub struct Choice {
    policy: PasswordPolicy,
    /// The service's own name, which no password may rest on.
    service: String,
    breaches: Option<Breaches>,
}

/// The password whose place a new one takes.
#[derive(Clone, Copy)]
pub enum Present<'a> {
    /// There is none.
    None,
    /// The one of this credential.
    Hashed(&'a Credential),
    /// The one that was entered just now.
    Entered(&'a Proven),
}

/// Why a new password is not taken.
#[derive(Debug, Error)]
pub enum NotChosen {
    /// It is not acceptable: all that is wrong with it.
    #[error("the password is not acceptable")]
    Unacceptable(Vec<InvalidPassword>),
    /// It could not be hashed, or not be compared with those before.
    #[error("no hash")]
    NoHash(#[from] HashFailed),
}

impl Choice {
    /// What the settings `SERVICE_NAME`, `PASSWORD_POLICY`, `PASSWORD_MIN_LENGTH`, `PASSWORD_MAX_LENGTH`,
    /// `PASSWORD_HISTORY` and `BREACHED_PASSWORDS` say.
    ///
    /// # Errors
    /// If one is missing or unusable.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let settings = cloud.settings();
        Ok(Self {
            policy: policy(settings)?,
            service: settings.text("SERVICE_NAME")?,
            breaches: Breaches::new(cloud)?,
        })
    }

    /// Takes a new password, as far as that can be told by itself.
    ///
    /// # Errors
    /// All that is wrong with it, at once.
    pub fn parse<'a>(
        &self,
        text: &Secret,
        email: Option<&Email>,
        names: impl IntoIterator<Item = Option<&'a Name>>,
    ) -> Result<Password, Vec<InvalidPassword>> {
        let own = OwnWords::new(&self.service, email.map(Email::canonical)).and_names(names);
        Password::choose(text, &self.policy, &own)
    }

    /// Takes a user's new password, as far as that can be told by itself.
    ///
    /// # Errors
    /// [`NotChosen::Unacceptable`].
    pub fn parse_of(&self, text: &Secret, user: &User) -> Result<Password, NotChosen> {
        let names = [user.first_name.as_ref(), user.last_name.as_ref()];
        self.parse(text, Some(&user.email), names).map_err(NotChosen::Unacceptable)
    }

    /// Hashes a new password with `salt`, and asks at the same time whether it was stolen elsewhere. It
    /// must be neither the `present` one nor one of the last before.
    ///
    /// # Errors
    /// [`NotChosen`].
    pub async fn settle(
        &self,
        hasher: &Hasher,
        password: &Password,
        present: Present<'_>,
        salt: [u8; 16],
    ) -> Result<NewPassword, NotChosen> {
        let remembered = self.policy.remembered();
        let (breach_check, is_reused, hash) = tokio::join!(
            async {
                match &self.breaches {
                    Some(breaches) => breaches.check(password).await,
                    None => Ok(None),
                }
            },
            is_reused(hasher, password, present, remembered),
            cloud::timed("HashTime", hasher.hash(password, salt))
        );
        let reused = is_reused?.then_some(InvalidPassword::Reused);
        match (breach_check, reused) {
            (Ok(breach_check), None) => Ok(NewPassword { hash: hash?, breach_check, remembered }),
            (breached, reused) => {
                Err(NotChosen::Unacceptable(breached.err().into_iter().chain(reused).collect()))
            }
        }
    }
}

/// Each comparison takes a hash, but with the one that was entered. A pepper that is gone makes an old
/// hash unknowable, and so no hindrance.
async fn is_reused(
    hasher: &Hasher,
    password: &Password,
    present: Present<'_>,
    remembered: usize,
) -> Result<bool, HashFailed> {
    let (credential, compared) = match present {
        Present::None => return Ok(false),
        Present::Hashed(credential) => (credential, 0),
        Present::Entered(proven) if remembered > 0 && proven.password.is(password) => return Ok(true),
        Present::Entered(proven) => (&proven.credential, 1),
    };
    for known in credential.last(remembered).skip(compared) {
        match cloud::timed("HashTime", hasher.verify(password, Some(known))).await {
            Ok(Verdict::Match | Verdict::MatchButOutdated) => return Ok(true),
            Ok(Verdict::Mismatch) | Err(HashFailed::UnknownPepper | HashFailed::Malformed) => {}
            Err(failed @ HashFailed::Unfinished) => return Err(failed),
        }
    }
    Ok(false)
}

fn policy(settings: &Settings) -> Result<PasswordPolicy, SettingError> {
    let is_production = settings.text("ISSUER")?.starts_with("https:");
    let policy = match settings.text("PASSWORD_POLICY")?.as_str() {
        "default" => PasswordPolicy::DEFAULT,
        "strict" => PasswordPolicy::STRICT,
        "lenient" if !is_production => PasswordPolicy::LENIENT,
        "lenient-in-production" => PasswordPolicy::LENIENT,
        "lenient" => {
            let problem = "is `lenient`, which is for tests; behind https it must be `lenient-in-production`";
            return Err(SettingError::new("PASSWORD_POLICY", problem));
        }
        _ => return Err(SettingError::new("PASSWORD_POLICY", "must be `default`, `strict` or `lenient`")),
    };
    let (min, max) = (number(settings, "PASSWORD_MIN_LENGTH")?, number(settings, "PASSWORD_MAX_LENGTH")?);
    policy
        .with_lengths(min, max)
        .ok_or(SettingError::new("PASSWORD_MIN_LENGTH", "must be 8 to 64, PASSWORD_MAX_LENGTH 64 to 256"))?
        .with_remembered(number(settings, "PASSWORD_HISTORY")?)
        .ok_or(SettingError::new("PASSWORD_HISTORY", "must be 0 to 24"))
}

/// What is not set is as the policy says.
fn number(settings: &Settings, name: &'static str) -> Result<Option<usize>, SettingError> {
    settings.optional(name).map(|_| settings.parsed(name)).transpose()
}

/// All that is wrong with the password in the field at `pointer`.
#[must_use]
pub fn problems(pointer: &str, errors: Vec<InvalidPassword>) -> Vec<FieldProblem> {
    errors.into_iter().map(|error| FieldProblem::new(pointer, code(error), &error)).collect()
}

const fn code(error: InvalidPassword) -> &'static str {
    match error {
        InvalidPassword::TooShort(_) => "password-too-short",
        InvalidPassword::TooLong(_) => "password-too-long",
        InvalidPassword::Blocklisted => "password-blocklisted",
        InvalidPassword::Breached => "password-breached",
        InvalidPassword::Reused => "password-reused",
        InvalidPassword::ControlCharacter => "validation-failed",
    }
}
