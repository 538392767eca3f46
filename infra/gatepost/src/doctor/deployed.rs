//! The checks of a deployed stack, as AWS describes it.

use std::{collections::BTreeMap, time::Duration};

use cloud::{Answer, Aws, AwsCallError, Cloud, Web};
use futures_util::{StreamExt, stream};
use local::{
    Stack,
    template::{Template, logical_id},
};
use serde_json::{Value, json};

use super::{
    check::{Check, Remedy},
    events, functions, keys, mail, tables,
};
use crate::{
    error::CliError,
    stack::Account,
    xml::{element, escaped, members},
};

const IN_STACK: Remedy =
    Remedy("deploy the template of this build: the stack has another version", "docs/operate/deploying.md");
const THERE: Remedy = Remedy(
    "deploy the template of this build; if that does not create the resource, restore it from its backup",
    "docs/operate/deploying.md#protection",
);
const CLOCK: Remedy =
    Remedy("set this machine's clock: other findings may be wrong", "docs/operate/doctor.md#clocks");

/// Functions that are requested concurrently.
const AT_ONCE: usize = 8;
/// AWS refuses requests that are 5 minutes off. Verifiers refuse tokens with this deviation.
const LARGEST_SKEW: Duration = Duration::from_secs(5);
/// A page of `ListStackResources` has a hundred resources.
const MOST_PAGES: usize = 20;

/// The stack, and clients of the services that describe it.
pub(crate) struct Deployed {
    pub(crate) cloud: Cloud,
    pub(crate) template: Template,
    /// The physical id of each logical id.
    names: BTreeMap<String, String>,
    pub(crate) lambda: Aws,
    pub(crate) bus: Aws,
    pub(crate) scheduler: Aws,
    pub(crate) queues: Aws,
    pub(crate) logs: Aws,
    pub(crate) mail: Aws,
    tables: Aws,
}

/// Checks the stack of this name.
pub(crate) async fn checks(account: &Account, stack: &str) -> Result<Vec<Check>, CliError> {
    let cloud = account.stack(stack).await?;
    let (names, answer) =
        resources(&cloud, stack).await.map_err(|error| CliError::NoResources(stack.to_owned(), error))?;
    let service = |host, name| Aws::new(&cloud, host, name);
    let deployed = Deployed {
        template: Stack::memory().template()?,
        names,
        lambda: service("lambda", "lambda"),
        bus: service("events", "events"),
        scheduler: service("scheduler", "scheduler"),
        queues: service("sqs", "sqs"),
        logs: service("logs", "logs"),
        mail: service("email", "ses"),
        tables: service("dynamodb", "dynamodb"),
        cloud,
    };
    let mut checks = vec![clock(&deployed.cloud, &answer)];
    let functions = deployed.functions(&mut checks).await;
    for id in deployed.template.tables.keys() {
        deployed.table(id, &mut checks).await;
    }
    events::checks(&deployed, &functions, &mut checks).await;
    if let Some(found) = functions.get("log-in") {
        let cloud = deployed.cloud.with_settings(functions::environment(found));
        // Missing settings have been reported above.
        checks.extend(keys::checks(&cloud, published_keys(&cloud).await).await.unwrap_or_default());
    }
    checks.push(events::log_in_time(&deployed).await);
    if let Some(found) = functions.get("send-mail") {
        checks.extend(mail::checks(&deployed, &functions::environment(found)).await);
    }
    Ok(checks)
}

impl Deployed {
    /// Returns the physical id of a logical id in this stack.
    pub(crate) fn name(&self, id: &str) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    /// Returns the physical id, or adds the check of a missing resource.
    pub(crate) fn named(&self, id: &str, checks: &mut Vec<Check>) -> Option<&str> {
        let name = self.name(id);
        if name.is_none() {
            checks.push(Check::equal(format!("resource {id}"), "in the stack", "not there", IN_STACK));
        }
        name
    }

    /// Returns every function of the template that exists, as Lambda describes it.
    async fn functions(&self, checks: &mut Vec<Check>) -> BTreeMap<String, Value> {
        let folders = self.template.functions.keys();
        let named: Vec<_> =
            folders.filter_map(|folder| Some((folder, self.named(&logical_id(folder), checks)?))).collect();
        let asked = stream::iter(named).map(async |(folder, name)| {
            (folder, self.lambda.get_json(&format!("/2015-03-31/functions/{name}/configuration")).await)
        });
        let mut functions = BTreeMap::new();
        for (folder, answer) in asked.buffered(AT_ONCE).collect::<Vec<_>>().await {
            match answer {
                Ok(found) => {
                    checks.push(functions::deployed(
                        &self.cloud,
                        folder,
                        &self.template.functions[folder],
                        &found,
                    ));
                    functions.insert(folder.clone(), found);
                }
                Err(error) => {
                    checks.push(Check::unanswered(format!("function {folder}"), "there", &error, THERE));
                }
            }
        }
        functions
    }

    async fn table(&self, id: &str, checks: &mut Vec<Check>) {
        let Some(name) = self.named(id, checks) else { return };
        let wanted = &self.template.tables[id];
        let what = format!("table {id}");
        let describe = async |operation: &str| {
            let operation = format!("DynamoDB_20120810.{operation}");
            self.tables.call(&operation, &json!({"TableName": name})).await
        };
        match describe("DescribeTable").await {
            Ok(found) => checks.extend(tables::checks(id, wanted, &found["Table"])),
            // The other two requests would fail in the same way.
            Err(error) => return checks.push(Check::unanswered(what, "there", &error, THERE)),
        }
        checks.push(match describe("DescribeTimeToLive").await {
            Ok(found) => tables::expiry(id, wanted, &found),
            Err(error) => Check::unanswered(what.clone() + ": time to live", "told", &error, THERE),
        });
        checks.push(match describe("DescribeContinuousBackups").await {
            Ok(found) => tables::recovery(id, wanted, &found),
            Err(error) => Check::unanswered(what + ": point-in-time recovery", "told", &error, THERE),
        });
    }
}

/// Reads the physical id of each resource of the stack by its logical id.
async fn resources(cloud: &Cloud, stack: &str) -> Result<(BTreeMap<String, String>, Answer), AwsCallError> {
    let cloudformation = Aws::new(cloud, "cloudformation", "cloudformation");
    let first = format!("/?Action=ListStackResources&StackName={}&Version=2010-05-15", escaped(stack));
    let (mut names, mut answer) = (BTreeMap::new(), cloudformation.get(&first).await?);
    for _page in 0..MOST_PAGES {
        names.extend(names_in(&answer.text));
        let Some(token) = element(&answer.text, "NextToken") else { break };
        answer = cloudformation.get(&format!("{first}&NextToken={}", escaped(&token))).await?;
    }
    Ok((names, answer))
}

/// Returns the logical and the physical id of each resource that has both.
fn names_in(xml: &str) -> Vec<(String, String)> {
    let pair = |member| Some((element(member, "LogicalResourceId")?, element(member, "PhysicalResourceId")?));
    members(xml).filter_map(pair).collect()
}

fn clock(cloud: &Cloud, answer: &Answer) -> Check {
    let now = cloud.clock().now();
    let found = answer.date.map_or_else(
        || Err("AWS did not return the time".to_owned()),
        |date| {
            let skew = now.since(date).max(date.since(now));
            let said = format!("{} s off AWS's", skew.as_secs());
            // The header has whole seconds.
            if skew <= LARGEST_SKEW { Ok(said) } else { Err(said) }
        },
    );
    let expected = format!("at most {} s off AWS's clock", LARGEST_SKEW.as_secs());
    Check::outcome("clock", expected, found, CLOCK).at_most_a_warning()
}

/// Reads the key set as every verifier does.
async fn published_keys(cloud: &Cloud) -> Result<Value, String> {
    let issuer = cloud.settings().text("ISSUER").map_err(|error| error.to_string())?;
    let web = Web::new(cloud, &issuer, Duration::from_secs(10), &[]);
    let text = web.get("/.well-known/jwks.json".to_owned()).await;
    let text = text.map_err(|_| format!("no key set at {issuer}/.well-known/jwks.json"))?;
    serde_json::from_str(&text).map_err(|_| "no key set".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_stacks_resources_are_parsed() {
        let xml = "<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries>\
            <member><PhysicalResourceId>gatepost|a&amp;b</PhysicalResourceId><LogicalResourceId>MailRule</LogicalResourceId></member>\
            <member><LogicalResourceId>BeingMade</LogicalResourceId></member>\
            <member><LogicalResourceId>Bus</LogicalResourceId><PhysicalResourceId>gatepost</PhysicalResourceId></member>\
            </StackResourceSummaries><NextToken>more</NextToken></ListStackResourcesResult></ListStackResourcesResponse>";

        let names = names_in(xml);

        let expected = [("MailRule", "gatepost|a&b"), ("Bus", "gatepost")];
        assert_eq!(names, expected.map(|(id, name)| (id.to_owned(), name.to_owned())));
        assert_eq!(element(xml, "NextToken").as_deref(), Some("more"));
    }
}
