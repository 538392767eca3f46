//! A client of the API over HTTP, on one connection.

use serde_json::{Value, json};
use ureq::Agent;

use crate::Failed;

pub(crate) struct Client {
    agent: Agent,
    url: String,
    token: String,
}

impl Client {
    /// Logs in with [`stage::PASSWORD`].
    pub(crate) fn logged_in(url: &str, email: &str) -> Result<Self, Failed> {
        let agent = Agent::new_with_defaults();
        let body = json!({"email": email, "password": stage::PASSWORD}).to_string();
        let post = agent.post(format!("{url}/v1/sessions")).header("content-type", "application/json");
        let granted: Value = serde_json::from_str(&post.send(body)?.body_mut().read_to_string()?)?;
        let token = granted["access_token"].as_str().ok_or("no token")?.to_owned();
        Ok(Self { agent, url: url.to_owned(), token })
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, Failed> {
        let get = self
            .agent
            .get(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.token));
        Ok(serde_json::from_str(&get.call()?.body_mut().read_to_string()?)?)
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Result<(), Failed> {
        let patch =
            self.agent.patch(format!("{}{path}", self.url)).header("content-type", "application/json");
        let patch = patch.header("authorization", format!("Bearer {}", self.token));
        patch.send(body.to_string())?.body_mut().read_to_string()?;
        Ok(())
    }
}
