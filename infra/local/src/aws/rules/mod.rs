//! Rules of AWS that no stand-in knows: a request that breaks one is refused, as on AWS.
//!
//! `tests/it/service_rules` has a case for each rule of a service, whether it is held here or by the stand-in.

mod dynamodb;
mod secrets_manager;
mod ses;

use serde_json::Value;

use super::answer::Answer;
use crate::template::Template;

/// Returns the refusal of a request that breaks a rule.
pub(crate) fn refusal(service: &str, operation: &str, body: &[u8], template: &Template) -> Option<Answer> {
    // A body that is no JSON is the stand-in's to refuse.
    let request: Value = serde_json::from_slice(body).ok()?;
    let (code, violation) = match service {
        "dynamodb" => ("ValidationException", dynamodb::violation(operation, body.len(), &request, template)),
        "secretsmanager" => ("InvalidParameterException", secrets_manager::violation(operation, &request)),
        "ses" => ("BadRequestException", ses::violation(&request)),
        _ => return None,
    };
    violation.map(|message| Answer::refusal(400, code, &message))
}
