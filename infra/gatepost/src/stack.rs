//! Deployed stacks: the account of the operator, and the outputs of the stack.

use cloud::{Aws, AwsCallError, Cloud, Settings};
use tokio::sync::OnceCell;

use crate::{
    error::CliError,
    xml::{element, escaped, members},
};

/// The output with the settings for commands, as `NAME=VALUE` pairs.
const SETTINGS: &str = "OperatorSettings";

/// The account of an operator, as chosen by the options. Credentials are loaded when they are first needed.
pub(crate) struct Account {
    profile: Option<String>,
    region: Option<String>,
    cloud: OnceCell<Cloud>,
}

impl Account {
    pub(crate) fn new(profile: Option<String>, region: Option<String>) -> Self {
        Self { profile, region, cloud: OnceCell::new() }
    }

    /// Returns the account without the settings of a stack.
    pub(crate) async fn cloud(&self) -> Result<&Cloud, CliError> {
        let load = || Cloud::of_operator(self.profile.as_deref(), self.region.as_deref());
        Ok(self.cloud.get_or_try_init(load).await?)
    }

    /// Returns the account with the settings of a stack.
    pub(crate) async fn stack(&self, stack: &str) -> Result<Cloud, CliError> {
        let account = self.cloud().await?;
        let settings = described(&ask(account, stack).await?, stack)?;
        Ok(account.with_settings(settings))
    }
}

async fn ask(account: &Cloud, stack: &str) -> Result<String, CliError> {
    let cloudformation = Aws::new(account, "cloudformation", "cloudformation");
    let path = format!("/?Action=DescribeStacks&StackName={}&Version=2010-05-15", escaped(stack));
    let refused = match cloudformation.get(&path).await {
        Ok(answer) => return Ok(answer.text),
        Err(refused) => refused,
    };
    let AwsCallError::Refused(code) = &refused else {
        return Err(CliError::Unanswered(stack.to_owned(), refused));
    };
    Err(match code.as_str() {
        "ValidationError" => {
            let region = account.sdk().region().map(ToString::to_string).unwrap_or_default();
            CliError::UnknownStack { stack: stack.to_owned(), region }
        }
        "AccessDenied" | "AccessDeniedException" => CliError::Denied(stack.to_owned()),
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch" => CliError::CredentialsRefused(code.clone()),
        _ => CliError::Unanswered(stack.to_owned(), refused),
    })
}

/// Parses the settings in the response of `DescribeStacks`.
fn described(xml: &str, stack: &str) -> Result<Settings, CliError> {
    let (stack, status) = (stack.to_owned(), element(xml, "StackStatus").unwrap_or_default());
    // The old resources are being removed, and the new ones exist.
    if status.ends_with("_IN_PROGRESS") && !status.contains("_CLEANUP_") {
        return Err(CliError::InProgress { stack, status });
    }
    let mut outputs = members(xml).filter(|member| element(member, "OutputKey").as_deref() == Some(SETTINGS));
    let settings = outputs.next().and_then(|member| element(member, "OutputValue"));
    let settings = settings.ok_or(CliError::Foreign { stack, status })?;
    let pairs = settings.split_whitespace().filter_map(|pair| pair.split_once('='));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: &str, outputs: &str) -> String {
        format!(
            "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><Parameters><member>\
             <ParameterKey>Issuer</ParameterKey><ParameterValue>https://id.example.com</ParameterValue></member>\
             </Parameters><StackStatus>{status}</StackStatus><Outputs>{outputs}</Outputs></member></Stacks>\
             </DescribeStacksResult></DescribeStacksResponse>"
        )
    }

    const OUTPUTS: &str = "<member><OutputKey>ApiUrl</OutputKey><OutputValue>https://x</OutputValue></member>\
        <member><OutputKey>OperatorSettings</OutputKey>\
        <OutputValue>EVENTS_TABLE=gatepost-Events ISSUER=https://id.example.com/?a=1&amp;b=2</OutputValue></member>";

    #[test]
    fn the_settings_of_a_stack_are_parsed_from_its_outputs() {
        let settings = described(&answer("UPDATE_COMPLETE", OUTPUTS), "gatepost").expect("settings");

        assert_eq!(settings.optional("EVENTS_TABLE"), Some("gatepost-Events"));
        assert_eq!(settings.optional("ISSUER"), Some("https://id.example.com/?a=1&b=2"));
    }

    #[test]
    fn a_stack_whose_old_resources_are_being_removed_is_usable() {
        assert!(described(&answer("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", OUTPUTS), "gatepost").is_ok());
    }
}
