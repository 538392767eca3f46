//! A deployed stack: an account to work in, and what the outputs of the stack say.

use clap::{Arg, ArgMatches};
use cloud::{Aws, Cloud, NotAnswered, OperatorError, Settings};
use thiserror::Error;
use tokio::sync::OnceCell;

use crate::{
    system::value,
    xml::{element, escaped, members},
};

/// The output with the settings that commands need, as `NAME=VALUE` pairs.
const SETTINGS: &str = "OperatorSettings";

/// The account of an operator, as the options choose it. Credentials are looked for when they are first needed.
pub(crate) struct Account {
    profile: Option<String>,
    region: Option<String>,
    cloud: OnceCell<Cloud>,
}

/// A stack that cannot be worked on.
#[derive(Debug, Error)]
pub(crate) enum StackError {
    #[error(transparent)]
    Account(#[from] OperatorError),
    #[error("there is no stack {stack} in {region}: check --stack, --region and --profile")]
    Unknown { stack: String, region: String },
    #[error(
        "the caller may not describe the stack {0}: check its name, or grant cloudformation:DescribeStacks for it"
    )]
    Denied(String),
    #[error("AWS refuses the credentials: {0}; log in again, or choose others with --profile")]
    Refused(String),
    #[error("CloudFormation cannot describe the stack {0}: {1}")]
    Unanswered(String, NotAnswered),
    #[error("the stack {stack} is being changed ({status}): try again when CloudFormation is done")]
    InProgress { stack: String, status: String },
    #[error("the stack {stack} is not one of Gatepost: it has no output {SETTINGS} (its status is {status})")]
    Foreign { stack: String, status: String },
}

/// Options that choose an account and a region.
pub(crate) fn account_arguments() -> [Arg; 2] {
    [
        value("profile", "NAME", "Use this profile of the AWS configuration [default: AWS_PROFILE]"),
        value("region", "REGION", "Use this AWS region [default: AWS_REGION, or the profile's]"),
    ]
}

/// The option that names a stack.
pub(crate) fn stack_argument() -> Arg {
    value("stack", "NAME", "Work on this deployed CloudFormation stack")
}

impl Account {
    pub(crate) fn chosen(arguments: &ArgMatches) -> Self {
        let text = |name| arguments.get_one::<String>(name).cloned();
        Self { profile: text("profile"), region: text("region"), cloud: OnceCell::new() }
    }

    /// The account, without the settings of any stack.
    pub(crate) async fn cloud(&self) -> Result<&Cloud, StackError> {
        let load = || Cloud::of_operator(self.profile.as_deref(), self.region.as_deref());
        Ok(self.cloud.get_or_try_init(load).await?)
    }

    /// The account with the settings of a stack.
    pub(crate) async fn stack(&self, stack: &str) -> Result<Cloud, StackError> {
        let account = self.cloud().await?;
        let settings = described(&ask(account, stack).await?, stack)?;
        Ok(account.with_settings(settings))
    }
}

async fn ask(account: &Cloud, stack: &str) -> Result<String, StackError> {
    let cloudformation = Aws::new(account, "cloudformation", "cloudformation");
    let path = format!("/?Action=DescribeStacks&StackName={}&Version=2010-05-15", escaped(stack));
    let refused = match cloudformation.get(&path).await {
        Ok(answer) => return Ok(answer.text),
        Err(refused) => refused,
    };
    let NotAnswered::Refused(code) = &refused else {
        return Err(StackError::Unanswered(stack.to_owned(), refused));
    };
    Err(match code.as_str() {
        "ValidationError" => {
            let region = account.sdk().region().map(ToString::to_string).unwrap_or_default();
            StackError::Unknown { stack: stack.to_owned(), region }
        }
        "AccessDenied" | "AccessDeniedException" => StackError::Denied(stack.to_owned()),
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch" => StackError::Refused(code.clone()),
        _ => StackError::Unanswered(stack.to_owned(), refused),
    })
}

/// The settings in the answer of `DescribeStacks`.
fn described(xml: &str, stack: &str) -> Result<Settings, StackError> {
    let (stack, status) = (stack.to_owned(), element(xml, "StackStatus").unwrap_or_default());
    // The resources of before are being removed; those of now are there.
    if status.ends_with("_IN_PROGRESS") && !status.contains("_CLEANUP_") {
        return Err(StackError::InProgress { stack, status });
    }
    let mut outputs = members(xml).filter(|member| element(member, "OutputKey").as_deref() == Some(SETTINGS));
    let settings = outputs.next().and_then(|member| element(member, "OutputValue"));
    let settings = settings.ok_or(StackError::Foreign { stack, status })?;
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
    fn the_settings_of_a_stack_are_read_from_its_outputs() {
        let settings = described(&answer("UPDATE_COMPLETE", OUTPUTS), "gatepost").expect("settings");

        assert_eq!(settings.optional("EVENTS_TABLE"), Some("gatepost-Events"));
        assert_eq!(settings.optional("ISSUER"), Some("https://id.example.com/?a=1&b=2"));
    }

    #[test]
    fn a_stack_whose_old_resources_are_being_removed_can_be_worked_on() {
        assert!(described(&answer("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", OUTPUTS), "gatepost").is_ok());
    }
}
