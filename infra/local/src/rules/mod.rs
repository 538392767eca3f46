//! Rules of AWS that no stand-in knows: a request that breaks one is refused, as on AWS.
//!
//! `tests/it/service_rules.rs` has a case for each rule of a service, whether it is held here or by the stand-in.

mod dynamodb;
mod secrets_manager;
mod ses;

use serde_json::Value;

use crate::{seam::Answer, template::Template};

/// Returns the refusal of a request that breaks a rule.
pub(crate) fn refusal(service: &str, operation: &str, body: &[u8], template: &Template) -> Option<Answer> {
    let (code, check): (_, fn(&str, &Value, &Template) -> Option<String>) = match service {
        "dynamodb" => ("ValidationException", dynamodb::violation),
        "secretsmanager" => ("InvalidParameterException", secrets_manager::violation),
        "ses" => ("BadRequestException", ses::violation),
        _ => return None,
    };
    // A body that is no JSON is the stand-in's to refuse.
    let request = serde_json::from_slice(body).ok()?;
    check(operation, &request, template).map(|message| Answer::refusal(400, code, &message))
}
