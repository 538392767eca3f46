//! Callers with a permission: their access token carries it, and they hold it now.

use std::{marker::PhantomData, ops::Deref};

use cloud::{Cloud, SettingError};
use domain::{Authority, Permission, UserId};
use store::Identities;

use crate::{AccessGate, Admission, Authenticated, Caller, Error, Head, ProblemType};

/// Something that a use case needs a permission for.
pub trait RequiredPermission: Send + Sync + 'static {
    /// The permission.
    const PERMISSION: &'static str;
}

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident $permission:literal;)*) => {
        $($(#[$doc])* pub enum $name {}

        impl RequiredPermission for $name {
            const PERMISSION: &'static str = $permission;
        })*

        const RIGHTS: &[&str] = &[$($permission,)*];
    };
}

rights! {
    /// To read others' events.
    EventsRead "events:read";
    /// To read roles.
    RolesRead "roles:read";
    /// To change roles, to give and to take them.
    RolesWrite "roles:write";
    /// To read others.
    UsersRead "users:read";
    /// To change others.
    UsersWrite "users:write";
}

const _: () = assert!(RIGHTS.len() == Permission::OWN.len(), "every permission is a right");

/// A signed-in caller who holds the right `R`: the access token carries it, and the caller holds it now.
pub struct Authorized<R> {
    signed_in: Authenticated,
    right: PhantomData<R>,
}

impl<R: RequiredPermission> Deref for Authorized<R> {
    type Target = Authenticated;

    fn deref(&self) -> &Authenticated {
        &self.signed_in
    }
}

impl<R: RequiredPermission> Authorized<R> {
    /// Returns the authority of the caller as it is now. The first call shares the read that admits the request;
    /// each further one reads again, since a conflict means that it may have changed.
    ///
    /// # Errors
    /// If the session has ended, the caller does not hold the permission, or the table does not answer.
    pub async fn authority(&self) -> Result<Authority, Error> {
        Ok(self.signed_in.admission.authority().await?)
    }
}

impl<R: RequiredPermission> Caller for Authorized<R> {
    type Gate = AccessGate;
    const TAKES_TOKEN: bool = true;
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::InvalidToken, ProblemType::TokenExpired, ProblemType::Forbidden];

    fn gate(cloud: &Cloud, identities: &Identities) -> Result<AccessGate, SettingError> {
        AccessGate::new(cloud, identities)
    }

    async fn admit(gate: &AccessGate, head: Head) -> Result<Self, Error> {
        let signed_in = Authenticated::verify(gate, head, Some(R::PERMISSION)).await?;
        Ok(Self { signed_in, right: PhantomData })
    }

    fn admission(&self) -> Option<Admission> {
        self.signed_in.admission()
    }

    fn head(&mut self) -> &mut Head {
        self.signed_in.head()
    }

    fn user_id(&self) -> Option<UserId> {
        self.signed_in.user_id()
    }

    async fn warm(gate: &AccessGate) {
        Authenticated::warm(gate).await;
    }
}
