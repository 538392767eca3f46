//! Secrets Manager: the template's secrets, made once.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use cloud::Random;
use serde_json::{Value, json};

use super::answer::Answer;
use crate::{
    start_error::StartError,
    storage::folder,
    template::{GeneratedSecret, Template, arn_of, id_of},
};

/// The secrets, by name.
pub(crate) struct Secrets(BTreeMap<String, Mutex<Held>>);

/// A secret and its versions.
struct Held {
    texts: BTreeMap<String, String>,
    /// Which version has a label.
    labels: BTreeMap<String, String>,
    /// Where the current version is kept.
    file: Option<PathBuf>,
}

const CURRENT: &str = "AWSCURRENT";
/// Once the only secret, and therefore without the name of what it holds.
const KEYS_FILE: &str = "secret.json";
const CREDENTIALS_FILE: &str = "credentials.json";

impl Secrets {
    /// Reads each secret from its file in `folder`, or generates it; without a folder it is always generated.
    pub(crate) fn open(
        template: &Template,
        folder: Option<&Path>,
        random: &Random,
    ) -> Result<Self, StartError> {
        if let Some(folder) = folder.filter(|_| template.secrets.contains_key("CredentialsSecret")) {
            folder::separate_secrets(&folder.join(KEYS_FILE), &folder.join(CREDENTIALS_FILE))?;
        }
        let mut secrets = BTreeMap::new();
        for (name, secret) in &template.secrets {
            let generate = || generate(secret, random);
            let file = folder.map(|folder| folder.join(file_name(template, name)));
            let text = match &file {
                Some(file) => folder::read_or_make_secret(file, generate)?,
                None => generate(),
            };
            let version = random.uuid().to_string();
            let labels = BTreeMap::from([(CURRENT.to_owned(), version.clone())]);
            let held = Held { texts: BTreeMap::from([(version, text)]), labels, file };
            secrets.insert(name.clone(), Mutex::new(held));
        }
        Ok(Self(secrets))
    }

    /// Answers a call.
    pub(crate) fn answer(&self, operation: &str, body: &[u8]) -> Answer {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let name = id_of(request["SecretId"].as_str().unwrap_or_default());
        let Some(held) = self.0.get(name) else {
            let sentence = "Secrets Manager can't find the specified secret.";
            return Answer::refusal(400, "ResourceNotFoundException", sentence);
        };
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = match operation {
            "GetSecretValue" => Ok(held.get()),
            "PutSecretValue" => held.put(&request),
            "UpdateSecretVersionStage" => held.move_label(&request),
            _ => {
                return Answer::refusal(
                    400,
                    "UnknownOperationException",
                    "The operation does not run locally.",
                );
            }
        };
        match answered {
            Ok(mut answer) => {
                answer["ARN"] = arn_of("AWS::SecretsManager::Secret", name).into();
                answer["Name"] = name.into();
                Answer::json(&answer)
            }
            Err((kind, sentence)) => Answer::refusal(400, kind, &sentence),
        }
    }
}

type Refusal = (&'static str, String);

impl Held {
    fn get(&self) -> Value {
        let version = &self.labels[CURRENT];
        json!({"SecretString": self.texts[version], "VersionId": version, "VersionStages": [CURRENT]})
    }

    /// Keeps another version under the labels that it is to have; not for the current one.
    fn put(&mut self, request: &Value) -> Result<Value, Refusal> {
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let (version, value) = (text("ClientRequestToken"), text("SecretString"));
        let stages: Vec<_> = request["VersionStages"].as_array().into_iter().flatten().collect();
        if self.texts.get(&version).is_some_and(|known| *known != value) {
            return Err(("ResourceExistsException", "There is another version of that id.".to_owned()));
        }
        if stages.is_empty() || stages.iter().any(|stage| *stage == CURRENT) {
            return Err(("InvalidParameterException", "Only labels of one's own are set here.".to_owned()));
        }
        self.texts.insert(version.clone(), value);
        for stage in stages.into_iter().filter_map(Value::as_str) {
            self.labels.insert(stage.to_owned(), version.clone());
        }
        self.forget_unlabelled();
        Ok(json!({"VersionId": version}))
    }

    /// Moves a label to another version, if it is at the one that the caller says.
    fn move_label(&mut self, request: &Value) -> Result<Value, Refusal> {
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let (label, to, from) = (text("VersionStage"), text("MoveToVersionId"), text("RemoveFromVersionId"));
        let is_at = self.labels.get(&label).filter(|at| **at != to);
        if is_at.is_some_and(|at| *at != from) {
            let sentence = format!("Staging label {label} is currently attached to another version.");
            return Err(("InvalidParameterException", sentence));
        }
        let value = self.texts.get(&to);
        let value = value.ok_or(("ResourceNotFoundException", "There is no such version.".to_owned()))?;
        if let Some(file) = self.file.as_ref().filter(|_| label == CURRENT) {
            folder::write_secret(file, value).map_err(|error| ("InternalServiceError", error.to_string()))?;
        }
        self.labels.insert(label, to);
        self.forget_unlabelled();
        Ok(json!({}))
    }

    fn forget_unlabelled(&mut self) {
        let labels = &self.labels;
        self.texts.retain(|version, _| labels.values().any(|at| at == version));
    }
}

fn file_name(template: &Template, name: &str) -> String {
    match name {
        "CredentialsSecret" => CREDENTIALS_FILE.to_owned(),
        "KeysSecret" => KEYS_FILE.to_owned(),
        _ if template.secrets.len() == 1 => KEYS_FILE.to_owned(),
        name => format!("secret-{name}.json"),
    }
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
