//! The item of a credential, the former addresses of a user, and the writes of them.

use domain::{CanonicalEmail, Credential, Email, PasswordHash, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    dynamodb::{
        attributes::{Attributes, text, values},
        item,
        value::{Millis, Text, Ttl},
    },
    identities::keys,
    transaction::write::Write,
};

/// Claims an address, if nobody has.
pub(crate) fn claim(credential: &Credential) -> Write {
    Write::put(credential_item(credential)).only_if("attribute_not_exists(pk)")
}

/// Replaces a credential, if it is still the one that was read.
pub(crate) fn replace_credential(before: &Credential, after: &Credential) -> Write {
    Write::put(credential_item(after)).only_if(UNCHANGED).with(unchanged(before))
}

/// Gives a claim up, if it is still the one that was read.
pub(crate) fn give_up(before: &Credential) -> Write {
    Write::delete(keys::credential(&before.email)).only_if(UNCHANGED).with(unchanged(before))
}

const UNCHANGED: &str = "user_id = :user AND password_hash = :before";

fn unchanged(credential: &Credential) -> Attributes {
    let hash = &credential.password_hash.phc;
    values([(":user", text(credential.user_id.to_string())), (":before", text(hash))])
}

/// Replaces a password's hash by a better one of the same password.
pub(crate) fn rehash(email: &CanonicalEmail, before: &PasswordHash, after: &PasswordHash) -> Write {
    let values = values([
        (":before", text(&before.phc)),
        (":after", text(&after.phc)),
        (":pepper", text(&after.pepper_id)),
    ]);
    Write::update(keys::credential(email), "SET password_hash = :after, pepper_id = :pepper")
        .only_if("password_hash = :before")
        .with(values)
}

/// A credential: it claims an address and proves its user.
#[derive(Serialize, Deserialize)]
pub(crate) struct CredentialItem {
    user_id: Text<UserId>,
    credential_version: u64,
    password_hash: String,
    pepper_id: String,
    previous_hashes: Vec<Text<PasswordHash>>,
}

impl From<&Credential> for CredentialItem {
    fn from(credential: &Credential) -> Self {
        let PasswordHash { phc, pepper_id } = credential.password_hash.clone();
        Self {
            user_id: Text(credential.user_id),
            credential_version: credential.version,
            password_hash: phc,
            pepper_id,
            previous_hashes: credential.previous_hashes.iter().cloned().map(Text).collect(),
        }
    }
}

impl CredentialItem {
    /// Returns the credential that claims this address.
    pub(crate) fn credential(self, email: &CanonicalEmail) -> Credential {
        Credential {
            email: email.clone(),
            user_id: self.user_id.0,
            version: self.credential_version,
            password_hash: PasswordHash { phc: self.password_hash, pepper_id: self.pepper_id },
            previous_hashes: self.previous_hashes.into_iter().map(Text::into).collect(),
        }
    }
}

/// The part of a credential that is no secret.
#[derive(Deserialize)]
pub(crate) struct OwnerItem {
    pub(crate) user_id: Text<UserId>,
}

fn credential_item(credential: &Credential) -> Attributes {
    item::write(keys::credential(&credential.email), &CredentialItem::from(credential))
}

/// A user's address before it was changed.
#[derive(Serialize, Deserialize)]
pub(crate) struct FormerEmailItem {
    pub(crate) email: Text<Email>,
    pub(crate) expires_at: Millis,
    #[serde(skip_deserializing)]
    pub(crate) ttl: Ttl,
}
