//! The names and ARNs that resources have on this machine.

pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const ACCOUNT: &str = "000000000000";

/// Returns the ARN of a resource of this type and logical id; `None` if the type has no ARN here.
pub(crate) fn arn(kind: &str, id: &str) -> Option<String> {
    let (service, path) = match kind {
        "AWS::DynamoDB::Table" => ("dynamodb", format!("table/{id}")),
        "AWS::SQS::Queue" => ("sqs", id.to_owned()),
        // The last part is what EventBridge adds to the name.
        "AWS::EventsV2::EventBus" => ("events", format!("event-busv2/{id}/0123456789abcdefghijklmno")),
        "AWS::Events::EventBus" => ("events", format!("event-bus/{id}")),
        "AWS::Events::Rule" => ("events", format!("rule/{id}")),
        "AWS::Serverless::Function" => ("lambda", format!("function:{id}")),
        "AWS::SecretsManager::Secret" => ("secretsmanager", format!("secret:{id}")),
        "AWS::IAM::Role" => return Some(format!("arn:aws:iam::{ACCOUNT}:role/{id}")),
        "AWS::S3::Bucket" => return Some(format!("arn:aws:s3:::{id}")),
        _ => return None,
    };
    Some(format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{path}"))
}

/// Returns the ARN of a bus, queue, secret or table of the template.
pub(crate) fn arn_of(kind: &str, id: &str) -> String {
    arn(kind, id).unwrap_or_else(|| id.to_owned())
}

/// The logical id in a name or an ARN.
pub(crate) fn id_of(reference: &str) -> &str {
    if !reference.starts_with("arn:") {
        return reference;
    }
    if let Some((_, custom_bus)) = reference.split_once(":event-busv2/") {
        return custom_bus.split('/').next().unwrap_or(custom_bus);
    }
    let before_stream = reference.split("/stream/").next().unwrap_or(reference);
    before_stream.rsplit([':', '/']).next().unwrap_or(reference)
}
