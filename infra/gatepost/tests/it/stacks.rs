//! Commands on a deployed stack: the sources of credentials, and the messages without credentials or a stack.

use std::{collections::BTreeSet, fs, process::Command};

use crate::{
    aws::{Aws, CONTAINER_TOKEN, DEPLOYED, SECRET, SESSION, SSO_TOKEN, Seen, Stack, WEB_TOKEN},
    process::Scratch,
};

/// A home folder with an AWS configuration, and a stand-in of AWS.
struct Operator {
    home: Scratch,
    aws: Aws,
    environment: Vec<(&'static str, String)>,
}

/// The exit code and the message of a command.
struct Said {
    code: Option<i32>,
    complaint: String,
}

impl Operator {
    fn new(stack: Stack) -> Self {
        Self { home: Scratch::new(), aws: Aws::start(stack), environment: Vec::new() }
    }

    /// Writes a file below the home folder.
    fn file(self, path: &str, text: &str) -> Self {
        let path = self.home.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
        self
    }

    fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    fn path(&self, path: &str) -> String {
        self.home.path().join(path).display().to_string()
    }

    /// Runs the command with a cleared environment.
    fn run(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.env_clear().env("HOME", self.home.path()).env("AWS_ENDPOINT_URL", &self.aws.url);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let output = command.current_dir(self.home.path()).args(arguments).output().expect("it runs");
        Said { code: output.status.code(), complaint: String::from_utf8(output.stderr).expect("text") }
    }

    /// Returns the services that a command has reached with these credentials.
    fn reached(&self, arguments: &[&str], key: &str, session: Option<&str>) -> BTreeSet<String> {
        let before = self.aws.seen().len();
        let said = self.run(arguments);
        let seen = self.aws.seen().split_off(before);
        assert!(!seen.is_empty(), "{}", said.complaint);
        for Seen { service, region, key: arrived, session: token } in &seen {
            assert_eq!((arrived.as_str(), token.as_deref()), (key, session), "{service}");
            assert_eq!(region, "eu-west-1", "{service}");
        }
        seen.into_iter().map(|seen| seen.service).collect()
    }

    /// Checks that these credentials arrive at every service, from clients of the SDK and from requests
    /// signed by hand.
    fn works_with(&self, key: &str, session: Option<&str>) {
        self.works_as(&[], key, session);
    }

    fn works_as(&self, options: &[&str], key: &str, session: Option<&str>) {
        let doctor = [&["doctor", "--stack", "gatepost"], options].concat();
        let asked = self.reached(&doctor, key, session);
        for service in ["cloudformation", "lambda", "dynamodb", "events", "logs"] {
            assert!(asked.contains(service), "{service} is not in {asked:?}");
        }
        let stats = [&["outbox", "stats", "--stack", "gatepost"], options].concat();
        let asked = self.reached(&stats, key, session);
        assert_eq!(asked, ["cloudformation", "dynamodb"].map(str::to_owned).into());
    }
}

const STATIC_KEYS: &str = "[operations]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = ";

#[test]
fn keys_from_the_environment_are_used() {
    let operator = Operator::new(DEPLOYED)
        .variable("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
        .variable("AWS_SECRET_ACCESS_KEY", SECRET)
        .variable("AWS_REGION", "eu-west-1");

    operator.works_with("AKIAENVIRONMENT", None);
}

#[test]
fn a_profile_with_keys_is_used_if_aws_profile_or_the_option_names_it() {
    let configured = || {
        Operator::new(DEPLOYED)
            .file(".aws/credentials", &format!("{STATIC_KEYS}{SECRET}\n"))
            .file(".aws/config", "[profile operations]\nregion = eu-west-1\n[default]\nregion = us-east-1\n")
    };

    configured().variable("AWS_PROFILE", "operations").works_with("AKIAPROFILE", None);
    configured()
        .variable("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
        .variable("AWS_SECRET_ACCESS_KEY", SECRET)
        .works_as(&["--profile", "operations"], "AKIAPROFILE", None);
}

#[test]
fn the_region_option_overrides_that_of_the_profile() {
    let operator = Operator::new(DEPLOYED)
        .file(".aws/credentials", &format!("{STATIC_KEYS}{SECRET}\n"))
        .file(".aws/config", "[profile operations]\nregion = us-east-1\n");

    operator.works_as(&["--profile", "operations", "--region", "eu-west-1"], "AKIAPROFILE", None);
}

const SSO_PROFILE: &str = "[profile operations]\nregion = eu-west-1\nsso_session = company\nsso_account_id = 123456789012\n\
    sso_role_name = Operator\n[sso-session company]\nsso_region = eu-west-1\nsso_start_url = https://company.awsapps.com/start\n";

/// Returns the file that `aws sso login` writes, whose name is the SHA-1 of the session's name.
fn sso_cache(expires_at: &str) -> String {
    format!(
        r#"{{"startUrl": "https://company.awsapps.com/start", "region": "eu-west-1", "accessToken": "{SSO_TOKEN}", "expiresAt": "{expires_at}"}}"#
    )
}

const SSO_CACHE: &str = ".aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json";

#[test]
fn a_session_of_iam_identity_center_is_used_from_its_cache() {
    let operator = Operator::new(DEPLOYED)
        .file(".aws/config", SSO_PROFILE)
        .file(SSO_CACHE, &sso_cache("2099-01-01T00:00:00Z"));

    operator.works_as(&["--profile", "operations"], "ASIASSO", Some(SESSION));
}

#[test]
fn a_credential_process_is_run_once_a_command() {
    let process = format!(
        "#!/bin/sh\necho run >> runs\necho '{{\"Version\": 1, \"AccessKeyId\": \"ASIAPROCESS\", \"SecretAccessKey\": \"{SECRET}\", \
         \"SessionToken\": \"{SESSION}\", \"Expiration\": \"2099-01-01T00:00:00Z\"}}'\n"
    );
    let operator = Operator::new(DEPLOYED).file("login.sh", &process);
    let profile = format!(
        "[default]\nregion = eu-west-1\ncredential_process = /bin/sh {}\n",
        operator.path("login.sh")
    );
    let operator = operator.file(".aws/config", &profile);

    operator.works_with("ASIAPROCESS", Some(SESSION));

    let runs = fs::read_to_string(operator.path("runs")).expect("it ran");
    assert_eq!(runs.lines().count(), 2, "once for each of two commands");
}

#[test]
fn a_web_identity_is_exchanged_for_a_role() {
    let operator = Operator::new(DEPLOYED).file("token", WEB_TOKEN);
    let token = operator.path("token");
    let operator = operator
        .variable("AWS_WEB_IDENTITY_TOKEN_FILE", &token)
        .variable("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/Operator")
        .variable("AWS_REGION", "eu-west-1");

    operator.works_with("ASIAWEB", Some(SESSION));
}

#[test]
fn a_container_has_the_credentials_of_its_task() {
    let operator = Operator::new(DEPLOYED);
    let endpoint = format!("{}/container", operator.aws.url);
    let operator = operator
        .variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", &endpoint)
        .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", CONTAINER_TOKEN)
        .variable("AWS_REGION", "eu-west-1");

    operator.works_with("ASIACONTAINER", Some(SESSION));
}

#[test]
fn an_instance_has_region_and_credentials_of_its_metadata() {
    let operator = Operator::new(DEPLOYED);
    let endpoint = operator.aws.url.clone();
    let operator = operator.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint);

    operator.works_with("ASIAINSTANCE", Some(SESSION));
}

/// Checks that each command prints the same single sentence.
fn is_refused(operator: &Operator, stack: &str, sentence: &str) {
    for command in [
        &["doctor"][..],
        &["outbox", "stats"],
        &["keys", "list"],
        &["tasks", "list"],
        &["users", "count"],
        &["mail", "suppressions", "list"],
        &["data", "check"],
    ] {
        let said = operator.run(&[command, &["--stack", stack]].concat());
        assert_eq!(
            (said.code, said.complaint.lines().count()),
            (Some(1), 1),
            "{command:?}: {}",
            said.complaint
        );
        assert!(said.complaint.contains(sentence), "{command:?}: {}", said.complaint);
    }
}

fn with_keys(stack: Stack) -> Operator {
    Operator::new(stack)
        .variable("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
        .variable("AWS_SECRET_ACCESS_KEY", SECRET)
        .variable("AWS_REGION", "eu-west-1")
}

#[test]
fn every_command_reports_an_unknown_stack() {
    is_refused(&with_keys(DEPLOYED), "gatepots", "found no stack gatepots in eu-west-1");
}

#[test]
fn every_command_reports_a_foreign_stack() {
    let other = "<member><OutputKey>ApiUrl</OutputKey><OutputValue>https://x</OutputValue></member>";
    let stack = Stack { status: "CREATE_COMPLETE", outputs: other };

    is_refused(&with_keys(stack), "gatepost", "the stack gatepost is not one of Gatepost");
}

#[test]
fn every_command_waits_for_a_stack_that_is_being_changed() {
    let stack = Stack { status: "UPDATE_IN_PROGRESS", ..DEPLOYED };

    is_refused(&with_keys(stack), "gatepost", "is being changed (UPDATE_IN_PROGRESS)");
}

#[test]
fn every_command_reports_missing_credentials() {
    let operator = Operator::new(DEPLOYED)
        .variable("AWS_REGION", "eu-west-1")
        .variable("AWS_EC2_METADATA_DISABLED", "true");

    is_refused(&operator, "gatepost", "no AWS credentials found");
}

#[test]
fn every_command_reports_a_missing_region() {
    let operator = Operator::new(DEPLOYED)
        .variable("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
        .variable("AWS_SECRET_ACCESS_KEY", SECRET)
        .variable("AWS_EC2_METADATA_DISABLED", "true");

    is_refused(&operator, "gatepost", "no AWS region found");
}

#[test]
fn an_expired_session_of_iam_identity_center_is_named() {
    let operator = Operator::new(DEPLOYED)
        .file(".aws/config", &SSO_PROFILE.replace("profile operations", "default"))
        .file(SSO_CACHE, &sso_cache("2020-01-01T00:00:00Z"));

    is_refused(&operator, "gatepost", "the SSO session has expired");
}

#[test]
fn a_profile_that_does_not_exist_is_named() {
    let operator = with_keys(DEPLOYED).file(".aws/config", "[default]\nregion = eu-west-1\n");

    let said = operator.run(&["outbox", "stats", "--stack", "gatepost", "--profile", "operatoins"]);

    assert_eq!((said.code, said.complaint.lines().count()), (Some(1), 1), "{}", said.complaint);
    assert!(said.complaint.contains("operatoins"), "{}", said.complaint);
}

#[test]
fn a_stack_that_lacks_a_setting_is_of_another_build() {
    let outputs = "<member><OutputKey>OperatorSettings</OutputKey><OutputValue>EVENT_BUS=gatepost</OutputValue></member>";
    let operator = with_keys(Stack { outputs, ..DEPLOYED });

    let said = operator.run(&["outbox", "stats", "--stack", "gatepost"]);

    assert_eq!(said.code, Some(1));
    assert!(said.complaint.contains("is not set: the system is not of this build"), "{}", said.complaint);
}
