//! What each function's role may do, as the template says.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{error::TemplateError, yaml};

const MANAGED_POLICY: &str = "AWS::IAM::ManagedPolicy";

/// One thing that a role may do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// The IAM action, e.g. `dynamodb:PutItem`.
    pub action: String,
    /// The logical id of the resource; the resource itself where it is none of the template's.
    pub resource: String,
    /// The index, if that is the resource.
    pub index: Option<String>,
    /// What the partition key must be like (`dynamodb:LeadingKeys`), if it is bounded.
    pub leading_key: Option<String>,
}

/// Returns the rights of each function's role of the template, by the role's logical id: those of the role itself and of
/// the managed policies that it attaches, in a deployment with the defaults.
///
/// # Errors
/// If the text is not a template, or a role attaches a policy that the template does not define.
pub fn rights(template: &str) -> Result<BTreeMap<String, Vec<Right>>, TemplateError> {
    let document = yaml::read(template)?;
    let resources = document["Resources"].as_object().cloned().unwrap_or_default();
    let roles = resources.iter().filter(|(_, resource)| {
        let trust = &resource["Properties"]["AssumeRolePolicyDocument"];
        resource["Type"] == "AWS::IAM::Role" && trust.to_string().contains("lambda.amazonaws.com")
    });
    roles.map(|(id, role)| Ok((id.clone(), of_role(id, &role["Properties"], &resources)?))).collect()
}

fn of_role(
    id: &str,
    properties: &Value,
    resources: &Map<String, Value>,
) -> Result<Vec<Right>, TemplateError> {
    let mut documents: Vec<_> =
        list(&properties["Policies"]).iter().map(|policy| &policy["PolicyDocument"]).collect();
    for attached in list(&properties["ManagedPolicyArns"]) {
        let policy = attached["Ref"].as_str().and_then(|policy| resources.get(policy));
        let policy = policy.filter(|policy| policy["Type"] == MANAGED_POLICY);
        let policy = policy
            .ok_or_else(|| TemplateError::new(format!("{id}: {attached} is not a policy of the template")))?;
        documents.push(&policy["Properties"]["PolicyDocument"]);
    }
    // A policy can also name its roles. One with a condition is not in a deployment with the defaults.
    let always =
        resources.values().filter(|policy| policy["Type"] == MANAGED_POLICY && policy["Condition"].is_null());
    let naming =
        always.filter(|policy| list(&policy["Properties"]["Roles"]).iter().any(|role| role["Ref"] == id));
    documents.extend(naming.map(|policy| &policy["Properties"]["PolicyDocument"]));
    Ok(documents
        .into_iter()
        .flat_map(|document| list(&document["Statement"]))
        .flat_map(of_statement)
        .collect())
}

fn of_statement(statement: &Value) -> Vec<Right> {
    let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    let keys: Vec<_> = match list(keys) {
        [] => vec![None],
        keys => keys.iter().map(|key| key.as_str().map(str::to_owned)).collect(),
    };
    let mut rights = Vec::new();
    for action in list(&statement["Action"]) {
        for (resource, index) in list(&statement["Resource"]).iter().map(resource) {
            let right = |leading_key: &Option<String>| Right {
                action: action.as_str().unwrap_or_default().to_owned(),
                resource: resource.clone(),
                index: index.clone(),
                leading_key: leading_key.clone(),
            };
            rights.extend(keys.iter().map(right));
        }
    }
    rights
}

/// IAM takes one value for a list of one.
fn list(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(values) => values,
        value => std::slice::from_ref(value),
    }
}

/// The logical id that a `Ref`, `Fn::GetAtt` or `Fn::Sub` names, and the index behind it.
fn resource(resource: &Value) -> (String, Option<String>) {
    let text = match resource {
        Value::String(text) => text.clone(),
        // The second resource is that of a deployment with the defaults.
        Value::Object(reference) if reference.contains_key("Fn::If") => {
            return self::resource(&reference["Fn::If"][2]);
        }
        reference => {
            let value =
                reference.as_object().and_then(|reference| reference.values().next()).unwrap_or(&Value::Null);
            // `Fn::GetAtt` and `Fn::Sub` take a list, too, whose first entry counts.
            list(value).first().and_then(Value::as_str).unwrap_or_default().to_owned()
        }
    };
    let (id, path) = text.split_once('/').map_or((text.as_str(), ""), |(id, path)| (id, path));
    let id = id.trim_start_matches("${").trim_end_matches('}').split('.').next().unwrap_or_default();
    let id = if text.starts_with("arn:") { text.as_str() } else { id };
    (id.to_owned(), path.strip_prefix("index/").map(str::to_owned))
}
