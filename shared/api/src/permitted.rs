//! Who may do it: whoever presents an access token that says so.

use std::{marker::PhantomData, ops::Deref};

use domain::{NoAuthority, Permission, Timestamp, UserId};

use crate::{AccessGate, Caller, Head, Problem, ProblemType, SignedIn};

/// Something that a use case needs a permission for.
pub trait Right: Send + Sync + 'static {
    /// The permission.
    const PERMISSION: &'static str;
}

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident $permission:literal;)*) => {
        $($(#[$doc])* pub enum $name {}

        impl Right for $name {
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

/// Somebody with a valid access token which says that they have the right `R`. It was so when the token was
/// made. That is enough to read; whoever changes something for others asks for [`domain::Authority`] as well, which
/// is as of now.
pub struct Permitted<R> {
    signed_in: SignedIn,
    right: PhantomData<R>,
}

impl<R: Right> Deref for Permitted<R> {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.signed_in
    }
}

impl<R: Right> Caller for Permitted<R> {
    type Gate = AccessGate;
    const TAKES_TOKEN: bool = true;
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::InvalidToken, ProblemType::TokenExpired, ProblemType::Forbidden];

    async fn admit(gate: &AccessGate, head: Head, now: Timestamp) -> Result<Self, Problem> {
        let signed_in = SignedIn::admit(gate, head, now).await?;
        if signed_in.may(R::PERMISSION) {
            Ok(Self { signed_in, right: PhantomData })
        } else {
            Err(Problem::of(ProblemType::Forbidden))
        }
    }

    fn head(&mut self) -> &mut Head {
        self.signed_in.head()
    }

    fn user(&self) -> Option<UserId> {
        self.signed_in.user()
    }

    async fn warm(gate: &AccessGate) {
        SignedIn::warm(gate).await;
    }
}

impl From<NoAuthority> for Problem {
    fn from(none: NoAuthority) -> Self {
        match none {
            NoAuthority::Ended => Self::of(ProblemType::InvalidToken),
            NoAuthority::Forbidden => Self::of(ProblemType::Forbidden),
        }
    }
}
