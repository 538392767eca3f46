//! What is stored of a password, in two texts: the hash, and which pepper went into it.
//!
//! | hash | pepper |
//! |---|---|
//! | `$argon2id$v=19$m=…,t=…,p=1$salt$tag` | its id |
//! | `$over$kind$parameters$salt$argon2id$v=19$m=…,t=…,p=1$salt$tag`: Argon2id over another scheme's digest | its id |
//! | `$kind$parameters$salt$digest`: another scheme's, as strong as ours | `none` |
//! | `none`: there is no password | `none` |

use domain::PasswordHash;

use crate::{
    HashError,
    foreign::{ForeignHash, Scheme},
    pepper::{Pepper, Peppers},
    phc::Phc,
};

/// No id of a pepper: those have eight characters.
const NONE: &str = "none";
const OVER: &str = "$over";
/// Where Argon2id begins behind what it is over, which writes `$v=19,m=` if it is Argon2id itself.
const OURS: &str = "$argon2id$v=19$";

/// A stored hash, read.
pub(crate) enum Stored<'peppers> {
    Own(Phc, &'peppers Pepper),
    Wrapped(Scheme, Phc, &'peppers Pepper),
    Foreign(ForeignHash),
    Nothing,
}

/// What is stored of somebody who has no password: every one is wrong.
#[must_use]
pub fn nothing() -> PasswordHash {
    PasswordHash { phc: NONE.to_owned(), pepper_id: NONE.to_owned() }
}

pub(crate) fn as_it_is(foreign: &ForeignHash) -> PasswordHash {
    PasswordHash { phc: foreign.to_string(), pepper_id: NONE.to_owned() }
}

pub(crate) fn wrapped(scheme: &Scheme, phc: &Phc, pepper: &Pepper) -> PasswordHash {
    PasswordHash { phc: format!("{OVER}{scheme}{phc}"), pepper_id: pepper.id().to_owned() }
}

impl<'peppers> Stored<'peppers> {
    pub(crate) fn read(stored: &PasswordHash, peppers: &'peppers Peppers) -> Result<Self, HashError> {
        let PasswordHash { phc: text, pepper_id } = stored;
        if pepper_id == NONE {
            return match text.as_str() {
                NONE => Ok(Self::Nothing),
                text => ForeignHash::stored(text).map(Self::Foreign).map_err(|_| HashError::Malformed),
            };
        }
        let own = |text| Phc::parse(text).ok_or(HashError::Malformed);
        let pepper = || peppers.find(pepper_id).ok_or(HashError::UnknownPepper);
        let Some(rest) = text.strip_prefix(OVER) else { return Ok(Self::Own(own(text)?, pepper()?)) };
        let (scheme, phc) = rest.split_at(rest.rfind(OURS).ok_or(HashError::Malformed)?);
        let scheme = Scheme::stored(scheme).map_err(|_| HashError::Malformed)?;
        Ok(Self::Wrapped(scheme, own(phc)?, pepper()?))
    }
}
