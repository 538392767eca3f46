//! The claims of a user that a scope gives (OpenID Connect Core 1.0, section 5.4).

use domain::{Name, User, oauth::Scope};
use serde_json::{Map, Value};

/// Returns the claims of the user that `scope` gives; `issuer` is where the picture is.
#[must_use]
pub fn claims(user: &User, scope: &Scope, issuer: &str) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            claims.insert(name.to_owned(), value);
        }
    };
    if scope.has("profile") {
        let text = |name: &Option<Name>| name.as_ref().map(|name| Value::from(name.as_str()));
        add("name", full_name(user).map(Value::from));
        add("given_name", text(&user.first_name));
        add("family_name", text(&user.last_name));
        add("locale", user.locale.as_ref().map(|locale| Value::from(locale.as_str())));
        add("picture", user.picture_path().map(|path| Value::from(format!("{issuer}{path}"))));
        add("updated_at", Some(Value::from(user.updated_at.seconds())));
    }
    if scope.has("email") {
        add("email", Some(Value::from(user.email.address())));
        add("email_verified", Some(Value::from(user.invited_at.is_none())));
    }
    claims
}

fn full_name(user: &User) -> Option<String> {
    let parts = [&user.first_name, &user.last_name];
    let parts: Vec<_> = parts.into_iter().flatten().map(Name::as_str).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}
