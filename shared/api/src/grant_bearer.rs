//! Clients that present the access token of a grant.

use cloud::{Cloud, SettingError};
use domain::UserId;
use store::Identities;
use tokens::oauth::GrantClaims;

use crate::{AccessGate, Admission, Caller, Error, Head, ProblemType};

/// A client with a genuine access token of a grant. Whether the grant still stands is for the use case.
pub struct GrantBearer {
    /// The claims of the token.
    pub claims: GrantClaims,
    /// The request.
    pub head: Head,
}

impl Caller for GrantBearer {
    type Gate = AccessGate;
    const TAKES_TOKEN: bool = true;
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidToken, ProblemType::TokenExpired];

    fn gate(cloud: &Cloud, identities: &Identities) -> Result<AccessGate, SettingError> {
        AccessGate::new(cloud, identities)
    }

    async fn admit(gate: &AccessGate, head: Head) -> Result<Self, Error> {
        let token = head.bearer_token().ok_or(ProblemType::InvalidToken)?;
        let claims = gate.verify_grant(token, head.now).await?;
        cloud::put_user(claims.user_id);
        Ok(Self { claims, head })
    }

    fn admission(&self) -> Option<Admission> {
        None
    }

    fn head(&mut self) -> &mut Head {
        &mut self.head
    }

    fn user_id(&self) -> Option<UserId> {
        Some(self.claims.user_id)
    }

    async fn warm(gate: &AccessGate) {
        gate.warm().await;
    }
}
