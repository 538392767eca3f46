//! Actions of administrators on users and roles.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    chance::ADMINISTRATOR,
    history::Role,
    people::{Ack, Doing, email, text},
    request::Request,
};

impl Doing {
    pub(crate) async fn depose(&self, from: usize) -> Option<()> {
        let own = self.fresh(from).await?;
        let id = self.play.seen().people[ADMINISTRATOR].id.clone()?;
        let request = Request::to_user("DELETE", &id, "/roles/admin").parameter("name", "admin");
        self.send("revoke-role", request.json(&reason()).bearer(&own.access.0), 204).await?;
        self.counted("administrator deposed");
        Some(())
    }

    pub(crate) async fn suspended(&self, by: usize) -> Option<()> {
        let id = self.id()?;
        let request = Request::to_user("POST", &id, "/suspend").json(&reason());
        self.administered("suspend-user", by, request, 200).await?;
        self.promised(Ack::Had("user.suspended", id));
        Some(())
    }

    /// A user who may sign in is left alone, without an event.
    pub(crate) async fn reactivated(&self, by: usize) -> Option<()> {
        let request = Request::to_user("POST", &self.id()?, "/reactivate").json(&reason());
        self.administered("reactivate-user", by, request, 200).await?;
        self.counted("reactivated");
        Some(())
    }

    pub(crate) async fn signed_out(&self, by: usize) -> Option<()> {
        let request = Request::to_user("POST", &self.id()?, "/end-sessions").json(&reason());
        self.administered("end-user-sessions", by, request, 204).await?;
        self.promised(Ack::Done("user.signed-out"));
        Some(())
    }

    pub(crate) async fn deleted(&self, by: usize) -> Option<()> {
        let id = self.id()?;
        let request = Request::to_user("DELETE", &id, "").json(&reason());
        self.administered("delete-user", by, request, 204).await?;
        self.promised(Ack::Had("user.deletion-requested", id));
        Some(())
    }

    pub(crate) async fn invited(&self, by: usize) -> Option<()> {
        let body = json!({"email": email(self.person), "reason": "ticket 4711"});
        let request = Request::new("POST", "/v1/users").json(&body);
        let user = self.administered("create-user", by, request, 201).await?;
        let id = text(&user, "id")?;
        self.play.seen().people[self.person].id = Some(id.clone());
        self.promised(Ack::Invited(id));
        Some(())
    }

    pub(crate) async fn accept_invitation(&self) -> Option<()> {
        let link = self.play.seen().people[self.person].resets.last().cloned()?;
        let body = json!({"token": link, "new_password": self.chosen()});
        self.post("reset-password", "/v1/password-resets/confirm", &body, 204).await?;
        self.promised(Ack::Done("user.invitation-accepted"));
        Some(())
    }

    pub(crate) async fn edited(&self, by: usize) -> Option<()> {
        let name = self.play.random.uuid().to_string();
        let body = json!({"last_name": name, "reason": "ticket 4711"});
        let request = Request::to_user("PATCH", &self.id()?, "").json(&body);
        self.administered("update-user", by, request, 200).await?;
        self.promised(Ack::Done("user.updated"));
        self.counted("edited");
        Some(())
    }

    pub(crate) async fn reset_started(&self, by: usize) -> Option<()> {
        let request = Request::to_user("POST", &self.id()?, "/password-reset").json(&reason());
        self.administered("start-password-reset", by, request, 202).await?;
        self.promised(Ack::Done("user.password-reset-requested"));
        Some(())
    }

    /// A user who has the role is left alone, without an event.
    pub(crate) async fn granted(&self, by: usize, role: Role) -> Option<()> {
        let (id, role) = (self.id()?, role.name());
        let request = Request::to_user("PUT", &id, &format!("/roles/{role}")).parameter("name", role);
        self.administered("grant-role", by, request.json(&reason()), 204).await?;
        self.promised(Ack::Had("user.role-granted", id));
        Some(())
    }

    /// A user who lacks the role is left alone, without an event.
    pub(crate) async fn revoked(&self, by: usize, role: Role) -> Option<()> {
        let (id, role) = (self.id()?, role.name());
        let request = Request::to_user("DELETE", &id, &format!("/roles/{role}")).parameter("name", role);
        self.administered("revoke-role", by, request.json(&reason()), 204).await?;
        self.counted("role revoked");
        Some(())
    }

    pub(crate) async fn role_changed(&self, by: usize) -> Option<()> {
        let name = Role::Editor.name();
        let permission = format!("articles:write-{}", u64::from_be_bytes(self.play.random.bytes()));
        let request = Request::new("PUT", &format!("/v1/roles/{name}")).parameter("name", name);
        let request = request.json(&json!({"permissions": [permission]}));
        self.administered("put-role", by, request, 200).await?;
        self.promised(Ack::Done("role.changed"));
        Some(())
    }

    pub(crate) async fn role_deleted(&self, by: usize) -> Option<()> {
        let name = Role::Editor.name();
        let request = Request::new("DELETE", &format!("/v1/roles/{name}")).parameter("name", name);
        self.administered("delete-role", by, request, 204).await?;
        self.counted("role deleted");
        Some(())
    }

    /// The administrator makes a request, from one of their own sessions.
    async fn administered(
        &self,
        function: &'static str,
        by: usize,
        request: Request,
        status: u64,
    ) -> Option<Value> {
        let (lambda, play) = (Arc::clone(&self.lambda), Arc::clone(&self.play));
        let own = Self { lambda, play, person: ADMINISTRATOR }.fresh(by).await?;
        self.send(function, request.bearer(&own.access.0), status).await
    }
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Editor => "editor",
        }
    }
}

fn reason() -> Value {
    json!({"reason": "ticket 4711"})
}
