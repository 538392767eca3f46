//! `gatepost data`: copies both tables between places, and finishes a restore.

mod copy;
mod file;
mod finish_restore;
mod place;
mod sums;

use clap::{Args, Subcommand};

use self::{
    copy::Copy,
    finish_restore::FinishRestore,
    place::{DeployedTables, Place},
};
use crate::{cli::ExitCode, error::CliError, report::Report, stack::Account};

const PLACES: &str = "\
A PLACE is folder:DIR, a data folder of `gatepost dev`, which must not be running; stack:NAME, the tables of a deployed \
stack; tables:IDENTITIES,EVENTS, two tables of DynamoDB by their names; or ndjson:FILE.";

#[derive(Args)]
#[command(arg_required_else_help = true, after_help = PLACES)]
pub(crate) struct Data {
    /// Use this profile of the AWS configuration [default: AWS_PROFILE]
    #[arg(long, value_name = "NAME", global = true)]
    profile: Option<String>,
    /// Use this AWS region [default: AWS_REGION, or the profile's]
    #[arg(long, value_name = "REGION", global = true)]
    region: Option<String>,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Subcommand)]
enum DataCommand {
    /// Copy both tables into an empty place, item by item, and compare the two
    #[command(after_help = PLACES)]
    Copy(Copy),
    /// Finish a restore before the system runs: end every session, revoke links, erase erased users again
    #[command(after_help = PLACES)]
    FinishRestore(FinishRestore),
    /// Print the ids of all erased users, one a line
    #[command(after_help = PLACES)]
    ListErased(OnePlace),
    /// Count the items in a place, and print checksums
    #[command(after_help = PLACES)]
    Check(OnePlace),
}

#[derive(Args)]
struct OnePlace {
    /// The place, unless --stack names one
    #[arg(value_name = "PLACE", required_unless_present = "stack")]
    place: Option<Place>,
    /// Work on this deployed CloudFormation stack
    #[arg(long, value_name = "NAME", conflicts_with = "place")]
    stack: Option<String>,
}

impl OnePlace {
    fn place(self) -> Result<Place, CliError> {
        let stack = self.stack.map(|name| DeployedTables::OfStack(name).into());
        self.place.or(stack).ok_or(CliError::NoPlace)
    }
}

impl Data {
    pub(crate) async fn run(self) -> Result<ExitCode, CliError> {
        let (account, report) = (Account::new(self.profile, self.region), Report::new(self.json));
        match self.command {
            DataCommand::Copy(copy) => copy.run(&account, report).await,
            DataCommand::FinishRestore(finish) => finish.run(&account, report).await,
            DataCommand::ListErased(one) => finish_restore::list(&one.place()?, &account, &report).await,
            DataCommand::Check(one) => sums::run(&one.place()?, &account, &report).await,
        }
    }
}
