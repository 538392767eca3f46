//! Callers with a permission, which both their access token and their current roles have.

use std::{marker::PhantomData, ops::Deref};

use cloud::{Cloud, SettingError};
use domain::{Authority, Permission, UserId};
use store::Identities;

use crate::{AccessGate, Admission, Authenticated, Caller, Error, Head, ProblemType};

/// A permission that a use case requires.
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
    /// The permission to read events of other users.
    EventsRead "events:read";
    /// The permission to read roles.
    RolesRead "roles:read";
    /// The permission to change, grant and revoke roles.
    RolesWrite "roles:write";
    /// The permission to read other users.
    UsersRead "users:read";
    /// The permission to change other users.
    UsersWrite "users:write";
}

const _: () = assert!(RIGHTS.len() == Permission::OWN.len(), "every permission has a type");

/// An authenticated caller with the permission `R`, in the access token and now.
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
    /// Returns the caller's current authority. The first call shares the read of the admission. Each further
    /// call reads again, because a conflict means that it may have changed.
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
