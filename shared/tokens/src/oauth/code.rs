//! The bytes of an authorization code.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    GrantId, SessionId, Timestamp, UserId,
    oauth::{AuthorizationCode, CodeChallenge, Scope},
};
use serde::{Deserialize, Serialize};

/// Short names: the code travels in a URL.
#[derive(Deserialize, Serialize)]
struct Content {
    u: UserId,
    s: SessionId,
    g: GrantId,
    c: String,
    r: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<CodeChallenge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    o: Scope,
    t: i64,
}

pub(super) fn write(code: &AuthorizationCode) -> Vec<u8> {
    let content = Content {
        u: code.user_id,
        s: code.session_id,
        g: code.grant_id,
        c: code.client_id.clone(),
        r: URL_SAFE_NO_PAD.encode(code.redirect_uri_hash),
        p: code.code_challenge.clone(),
        n: code.nonce.clone(),
        o: code.scope.clone(),
        t: code.issued_at.millis(),
    };
    // Only a map with keys other than text could fail.
    serde_json::to_vec(&content).unwrap_or_default()
}

pub(super) fn read(bytes: &[u8]) -> Option<AuthorizationCode> {
    let content: Content = serde_json::from_slice(bytes).ok()?;
    Some(AuthorizationCode {
        user_id: content.u,
        session_id: content.s,
        grant_id: content.g,
        client_id: content.c,
        redirect_uri_hash: URL_SAFE_NO_PAD.decode(content.r).ok()?.try_into().ok()?,
        code_challenge: content.p,
        nonce: content.n,
        scope: content.o,
        issued_at: Timestamp::from_millis(content.t),
    })
}
