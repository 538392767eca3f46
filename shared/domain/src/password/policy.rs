//! The policy for new passwords.

use super::{InvalidPassword, OwnWords, Password, guessable};

/// Each remembered password costs a hash whenever the password changes.
const MAX_REMEMBERED: usize = 10;

/// The requirements of new passwords. Length is decisive; there are no composition rules (NIST SP 800-63B-4,
/// section 3.1.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    min_length: usize,
    max_length: usize,
    /// The minimal number of different characters; 0 disables the check for guessable passwords.
    min_distinct: usize,
    remembered: usize,
}

impl PasswordPolicy {
    /// The requirements of SP 800-63B-4 for a password that is the only factor.
    pub const DEFAULT: Self = Self { min_length: 15, max_length: 256, min_distinct: 4, remembered: 3 };
    /// For accounts that justify more effort.
    pub const STRICT: Self = Self { min_length: 20, max_length: 256, min_distinct: 8, remembered: 10 };
    /// For tests: only a length is required.
    pub const LENIENT: Self = Self { min_length: 8, max_length: 256, min_distinct: 0, remembered: 0 };

    /// Returns the minimal length.
    #[must_use]
    pub const fn min_length(&self) -> usize {
        self.min_length
    }

    /// Returns the maximal length.
    #[must_use]
    pub const fn max_length(&self) -> usize {
        self.max_length
    }

    /// Returns how many previous passwords cannot be chosen again.
    #[must_use]
    pub const fn remembered(&self) -> usize {
        self.remembered
    }

    /// Returns this policy with other lengths, if given: 8 to 64, and 64 to 256.
    #[must_use]
    pub fn with_lengths(self, min: Option<usize>, max: Option<usize>) -> Option<Self> {
        let policy = Self {
            min_length: min.unwrap_or(self.min_length),
            max_length: max.unwrap_or(self.max_length),
            ..self
        };
        let is_sound = (8..=64).contains(&policy.min_length) && (64..=256).contains(&policy.max_length);
        is_sound.then_some(policy)
    }

    /// Returns this policy with another number of remembered passwords, if given; `None` above 10.
    #[must_use]
    pub fn with_remembered(self, remembered: Option<usize>) -> Option<Self> {
        let policy = Self { remembered: remembered.unwrap_or(self.remembered), ..self };
        (policy.remembered <= MAX_REMEMBERED).then_some(policy)
    }

    /// Checks whether a password of the right length is guessable.
    ///
    /// # Errors
    /// [`InvalidPassword::Blocklisted`].
    pub fn judge(&self, password: &Password, own: &OwnWords) -> Result<(), InvalidPassword> {
        let is_guessable =
            self.min_distinct > 0 && guessable::is_guessable(password.expose(), own, self.min_distinct);
        if is_guessable { Err(InvalidPassword::Blocklisted) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn wrong(policy: &PasswordPolicy, text: &str) -> Vec<InvalidPassword> {
        let own = OwnWords::new("Gatepost", None);
        match Password::choose(&Secret::from(text.to_owned()), policy) {
            Ok(password) => policy.judge(&password, &own).err().into_iter().collect(),
            Err(wrong) => wrong,
        }
    }

    #[test]
    fn each_policy_has_its_length() {
        for (policy, length) in
            [(PasswordPolicy::LENIENT, 8), (PasswordPolicy::DEFAULT, 15), (PasswordPolicy::STRICT, 20)]
        {
            let text = &"kölner Dom, 157 m hoch"[..=length];
            assert_eq!(text.chars().count(), length);
            assert_eq!(wrong(&policy, text), []);
            let shorter: String = text.chars().skip(1).collect();
            assert_eq!(wrong(&policy, &shorter), [InvalidPassword::TooShort(length)]);
        }
    }

    #[test]
    fn the_lenient_policy_accepts_guessable_passwords_and_the_strict_one_refuses_more() {
        assert_eq!(wrong(&PasswordPolicy::LENIENT, "password"), []);
        let monotonous = "abacabadabacabadabacabaeaba";
        assert_eq!(wrong(&PasswordPolicy::DEFAULT, monotonous), []);
        assert_eq!(wrong(&PasswordPolicy::STRICT, monotonous), [InvalidPassword::Blocklisted]);
    }

    #[test]
    fn every_number_can_be_changed_within_limits() {
        let policy = PasswordPolicy::DEFAULT.with_lengths(Some(12), Some(64)).expect("lengths");
        assert_eq!(wrong(&policy, "kölner Dom 1"), []);
        assert_eq!(
            wrong(&policy, "kölner Dom, 157 m hoch, 144 m lang, 86 m breit, seit 1248 im Bau, 1880 fertig"),
            [InvalidPassword::TooLong(64)]
        );

        assert_eq!(PasswordPolicy::DEFAULT.with_lengths(Some(7), None), None);
        assert_eq!(PasswordPolicy::DEFAULT.with_lengths(Some(65), None), None);
        assert_eq!(PasswordPolicy::DEFAULT.with_lengths(None, Some(63)), None);
        assert_eq!(PasswordPolicy::DEFAULT.with_lengths(None, Some(257)), None);
        let remembering = |count| PasswordPolicy::DEFAULT.with_remembered(count).map(|p| p.remembered());
        assert_eq!([None, Some(0), Some(10), Some(11)].map(remembering), [Some(3), Some(0), Some(10), None]);
    }
}
