//! Clients as text and as JSON, without the hashes of their secrets.

use domain::oauth::{Client, RedirectUri};
use serde_json::{Value, json};

use crate::report::Report;

/// Prints a client, and a secret that is shown once.
pub(super) fn print(report: &Report, client: &Client, secret: Option<&str>) {
    let kind = if client.is_first_party { "first-party" } else { "third-party" };
    report.line(&format!("{}  {}, {kind} {}", client.id, client.name.as_str(), client.kind.name()));
    report.line(&format!("  authentication   {}", client.auth_method.name()));
    let grant_types: Vec<_> = client.grant_types.iter().map(|grant_type| grant_type.name()).collect();
    report.line(&format!("  grant types      {}", grant_types.join(" ")));
    report.line(&format!("  scope            {}", client.scope));
    for uri in &client.redirect_uris {
        report.line(&format!("  redirect URI     {}", uri.as_str()));
    }
    for uri in &client.post_logout_redirect_uris {
        report.line(&format!("  after sign-out   {}", uri.as_str()));
    }
    for stored in &client.secrets {
        report.line(&format!("  secret           {} of {}", stored.id, stored.created_at));
    }
    if let Some(secret) = secret {
        report.line(&format!("  new secret       {secret}"));
        report.line("  Keep the secret now: it is not shown again.");
    }
    report.document(json!({"client": self::json(client), "client_secret": secret}));
}

/// Returns the JSON of a client.
pub(super) fn json(client: &Client) -> Value {
    let uris = |uris: &[RedirectUri]| uris.iter().map(|uri| json!(uri.as_str())).collect::<Value>();
    let secret = |secret: &domain::oauth::ClientSecret| json!({"secret_id": secret.id, "created_at": secret.created_at});
    json!({
        "client_id": client.id,
        "name": client.name,
        "kind": client.kind.name(),
        "first_party": client.is_first_party,
        "redirect_uris": uris(&client.redirect_uris),
        "post_logout_redirect_uris": uris(&client.post_logout_redirect_uris),
        "grant_types": client.grant_types.iter().map(|grant_type| grant_type.name()).collect::<Vec<_>>(),
        "scope": client.scope,
        "auth_method": client.auth_method.name(),
        "require_pkce": client.requires_pkce,
        "secrets": client.secrets.iter().map(secret).collect::<Vec<_>>(),
        "created_at": client.created_at,
        "updated_at": client.updated_at,
    })
}
