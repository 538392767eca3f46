//! Secrets Manager: the template's secrets, made once.

use std::{collections::BTreeMap, path::Path};

use cloud::Random;
use serde_json::{Value, json};

use crate::{
    bus::arn_of,
    folder,
    seam::Answer,
    stack::StartError,
    template::{GeneratedSecret, Template, id_of},
};

/// The secrets, by name.
pub(crate) struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// Reads each secret from its file in `folder`, or makes it; without a folder it is made anew.
    pub(crate) fn open(
        template: &Template,
        folder: Option<&Path>,
        random: &Random,
    ) -> Result<Self, StartError> {
        let mut secrets = BTreeMap::new();
        for (name, secret) in &template.secrets {
            let generate = || generate(secret, random);
            let value = match folder {
                Some(folder) => {
                    folder::read_or_make_secret(&folder.join(file_name(template, name)), generate)?
                }
                None => generate(),
            };
            secrets.insert(name.clone(), value);
        }
        Ok(Self(secrets))
    }

    /// Answers `GetSecretValue`.
    pub(crate) fn get_secret_value(&self, body: &[u8]) -> Answer {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let name = id_of(request["SecretId"].as_str().unwrap_or_default());
        match self.0.get(name) {
            Some(value) => Answer::json(&json!({
                "ARN": arn_of("AWS::SecretsManager::Secret", name),
                "Name": name,
                "SecretString": value,
                "VersionId": "00000000-0000-4000-8000-000000000001",
                "VersionStages": ["AWSCURRENT"],
            })),
            None => Answer::refusal(
                400,
                "ResourceNotFoundException",
                "Secrets Manager can't find the specified secret.",
            ),
        }
    }
}

fn file_name(template: &Template, name: &str) -> String {
    if template.secrets.len() == 1 { "secret.json".to_owned() } else { format!("secret-{name}.json") }
}

fn generate(secret: &GeneratedSecret, random: &Random) -> String {
    const LETTERS_AND_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::new();
    while text.len() < secret.length {
        let [byte] = random.bytes();
        // The last 8 of 256 values would make the first letters likelier than the others.
        if let Some(letter) = LETTERS_AND_DIGITS.get(usize::from(byte % 62)).filter(|_| byte < 248) {
            text.push(char::from(*letter));
        }
    }
    let mut value = secret.template.clone();
    value.insert(secret.key.clone(), Value::String(text));
    Value::Object(value).to_string()
}
