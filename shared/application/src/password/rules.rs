//! A new password: what it must be, and what an answer says of one that is not acceptable.

use api::{Error, FieldProblem};
use cloud::{Cloud, SettingError, Settings};
use domain::{
    Applicant, BreachCheck, Credential, InvalidPassword, NewPassword, OwnWords, Password, PasswordPolicy,
    Secret, User,
};
use hashing::{HashError, Hasher, Verdict};

use super::{breaches::Breaches, reauthentication::Reauthenticated};

/// What new passwords must be here.
pub struct NewPasswordRules {
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
    Entered(&'a Reauthenticated),
}

/// Why a new password is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NewPasswordError {
    /// It is not acceptable: all that is wrong with it.
    #[error("the password is not acceptable")]
    Unacceptable(Vec<InvalidPassword>),
    /// It could not be hashed, or not be compared with those before.
    #[error("no hash")]
    NoHash(#[from] HashError),
}

impl NewPasswordError {
    /// Returns the error of a request that has the password in the field at `pointer`.
    #[must_use]
    pub fn at(self, pointer: &str) -> Error {
        match self {
            Self::Unacceptable(errors) => problems(pointer, errors).into(),
            Self::NoHash(failed) => Error::internal(failed),
        }
    }
}

impl NewPasswordRules {
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

    /// Takes a new password by its length and characters. This costs nothing: everything else is for
    /// [`Self::settle`], behind a limit.
    ///
    /// # Errors
    /// That the password is too long, or everything else that is wrong.
    pub fn parse(&self, text: &Secret) -> Result<Password, Vec<InvalidPassword>> {
        Password::choose(text, &self.policy)
    }

    /// Returns the words that a password of this applicant must not rest on.
    #[must_use]
    pub fn own_words_of_applicant(&self, applicant: &Applicant) -> OwnWords {
        let names = [applicant.first_name.as_ref(), applicant.last_name.as_ref()];
        OwnWords::new(&self.service, Some(&applicant.email)).and_names(names)
    }

    /// Returns the words that a password of this user must not rest on.
    #[must_use]
    pub fn own_words_of(&self, user: &User) -> OwnWords {
        let names = [user.first_name.as_ref(), user.last_name.as_ref()];
        OwnWords::new(&self.service, Some(&user.email)).and_names(names)
    }

    /// Hashes a new password with `salt`, if it is not easily guessed, not in a list of stolen passwords, and not
    /// reused. The caller has reserved a limit: this may take a hash for each remembered password.
    ///
    /// # Errors
    /// [`NewPasswordError`].
    pub async fn settle(
        &self,
        hasher: &Hasher,
        password: &Password,
        own: &OwnWords,
        present: Present<'_>,
        salt: [u8; 16],
    ) -> Result<NewPassword, NewPasswordError> {
        self.policy.judge(password, own).map_err(|error| NewPasswordError::Unacceptable(vec![error]))?;
        let remembered = self.policy.remembered();
        let (breach_check, is_reused) =
            tokio::join!(self.breach_check(password), is_reused(hasher, password, present, remembered));
        let reused = is_reused?.then_some(InvalidPassword::Reused);
        match (breach_check, reused) {
            (Ok(breach_check), None) => {
                let hash = cloud::timed("HashTime", hasher.hash(password, salt)).await?;
                Ok(NewPassword { hash, breach_check, remembered })
            }
            (breached, reused) => {
                Err(NewPasswordError::Unacceptable(breached.err().into_iter().chain(reused).collect()))
            }
        }
    }

    async fn breach_check(&self, password: &Password) -> Result<Option<BreachCheck>, InvalidPassword> {
        match &self.breaches {
            Some(breaches) => breaches.check(password).await,
            None => Ok(None),
        }
    }
}

/// Whether the password is one of the last. Each comparison takes a hash, except with the password that was entered;
/// the first match ends the search. A hash whose pepper is gone is passed over.
async fn is_reused(
    hasher: &Hasher,
    password: &Password,
    present: Present<'_>,
    remembered: usize,
) -> Result<bool, HashError> {
    let (credential, compared) = match present {
        Present::None => return Ok(false),
        Present::Hashed(credential) => (credential, 0),
        Present::Entered(proven) if remembered > 0 && proven.password.is(password) => return Ok(true),
        Present::Entered(proven) => (&proven.credential, 1),
    };
    for known in credential.last(remembered).skip(compared) {
        match cloud::timed("HashTime", hasher.verify(password, Some(known))).await {
            Ok(Verdict::Match | Verdict::MatchButOutdated) => return Ok(true),
            Ok(Verdict::Mismatch) | Err(HashError::UnknownPepper | HashError::Malformed) => {}
            Err(failed @ HashError::Unfinished) => return Err(failed),
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
        .ok_or(SettingError::new("PASSWORD_HISTORY", "must be 0 to 10"))
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
