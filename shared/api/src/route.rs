//! Routes.

use std::fmt;

/// A method and a path of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, or `$default` for requests without a route.
    pub path: &'static str,
    /// Whether the answer is kept for a request with an `Idempotency-Key`.
    pub(crate) takes_idempotency_key: bool,
}

/// The method of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads a resource.
    Get,
    /// Creates a resource or starts an action.
    Post,
    /// Replaces a resource.
    Put,
    /// Changes parts of a resource.
    Patch,
    /// Deletes a resource.
    Delete,
    /// Any method.
    Any,
}

impl Route {
    /// Creates the route `GET path`.
    #[must_use]
    pub const fn get(path: &'static str) -> Self {
        Self::of(Method::Get, path)
    }

    /// Creates the route `POST path`.
    #[must_use]
    pub const fn post(path: &'static str) -> Self {
        Self::of(Method::Post, path)
    }

    /// Creates the route `PUT path`.
    #[must_use]
    pub const fn put(path: &'static str) -> Self {
        Self::of(Method::Put, path)
    }

    /// Creates the route `PATCH path`.
    #[must_use]
    pub const fn patch(path: &'static str) -> Self {
        Self::of(Method::Patch, path)
    }

    /// Creates the route `DELETE path`.
    #[must_use]
    pub const fn delete(path: &'static str) -> Self {
        Self::of(Method::Delete, path)
    }

    /// Creates the route of requests without another route.
    #[must_use]
    pub const fn fallback() -> Self {
        Self::of(Method::Any, "$default")
    }

    /// The same route, whose requests take no `Idempotency-Key`: it reads only, or has a retry of its own.
    #[must_use]
    pub const fn without_idempotency_key(self) -> Self {
        Self { takes_idempotency_key: false, ..self }
    }

    /// Returns whether the answer is kept for a request with an `Idempotency-Key`.
    #[must_use]
    pub const fn takes_idempotency_key(&self) -> bool {
        self.takes_idempotency_key
    }

    const fn of(method: Method, path: &'static str) -> Self {
        Self { method, path, takes_idempotency_key: method.changes() }
    }
}

impl Method {
    /// Returns the name; empty for any method.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Any => "",
        }
    }

    /// Returns whether the method changes something.
    pub(crate) const fn changes(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch | Self::Delete)
    }
}

impl fmt::Display for Route {
    /// Formats the route key of API Gateway: `POST /v1/sessions`, `$default`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.method {
            Method::Any => f.write_str(self.path),
            method => write!(f, "{} {}", method.name(), self.path),
        }
    }
}
