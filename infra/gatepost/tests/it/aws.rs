//! A stand-in of AWS on the loopback interface: sources of credentials with their documented protocols, and
//! services that record the credentials of their requests.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::json;

/// The address of the stand-in, and its requests.
pub(crate) struct Aws {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// The signature of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) service: String,
    pub(crate) region: String,
    pub(crate) key: String,
    pub(crate) session: Option<String>,
}

/// The state of the stack `gatepost`.
#[derive(Clone)]
pub(crate) struct Stack {
    pub(crate) status: &'static str,
    pub(crate) outputs: &'static str,
}

struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
}

struct Answer(u16, String);

const SETTINGS: &str = "<member><OutputKey>OperatorSettings</OutputKey><OutputValue>EVENTS_TABLE=gatepost-Events \
    IDENTITIES_TABLE=gatepost-Identities EVENT_BUS=gatepost EVENT_RETENTION_DAYS=90</OutputValue></member>";

/// A deployed stack.
pub(crate) const DEPLOYED: Stack = Stack { status: "CREATE_COMPLETE", outputs: SETTINGS };

/// The secret key of every source.
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// The session token of every source of temporary credentials.
pub(crate) const SESSION: &str = "a-session-token";
/// The proofs that sources require before they return credentials.
pub(crate) const SSO_TOKEN: &str = "an-sso-access-token";
pub(crate) const WEB_TOKEN: &str = "a.web.identity";
pub(crate) const CONTAINER_TOKEN: &str = "Basic a-container";
const METADATA_TOKEN: &str = "a-metadata-token";
const EXPIRY: &str = "2099-01-01T00:00:00Z";

impl Aws {
    pub(crate) fn start(stack: Stack) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let recording = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stack, recording) = (stack.clone(), Arc::clone(&recording));
                thread::spawn(move || serve(&stream.expect("a connection"), &stack, &recording));
            }
        });
        Self { url, seen }
    }

    /// Returns the signatures so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("unpoisoned").clone()
    }
}

/// Answers one request after the other, while the client keeps the connection.
fn serve(stream: &TcpStream, stack: &Stack, seen: &Mutex<Vec<Seen>>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let signature = signature(&request);
        seen.lock().expect("unpoisoned").extend(signature.clone());
        let Answer(status, body) = match signature {
            Some(Seen { service, .. }) if service == "cloudformation" => cloudformation(&request, stack),
            Some(_) => Answer(400, json!({"__type": "AccessDeniedException"}).to_string()),
            None => credentials(&request),
        };
        let length = body.len();
        let mut stream = stream;
        // The documented response to a request for a metadata token, which other clients ignore.
        let lifetime = "x-aws-ec2-metadata-token-ttl-seconds: 21600";
        let head = format!("HTTP/1.1 {status} -\r\n{lifetime}\r\ncontent-length: {length}\r\n\r\n");
        if stream.write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, headers, body: String::from_utf8(body).ok()? })
}

/// Parses `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`.
fn signature(request: &Request) -> Option<Seen> {
    let scope = request.headers.get("authorization")?.strip_prefix("AWS4-HMAC-SHA256 Credential=")?;
    let parts: Vec<_> = scope.split(',').next()?.split('/').map(str::to_owned).collect();
    let [key, _, region, service, _] = parts.try_into().ok()?;
    Some(Seen { service, region, key, session: request.headers.get("x-amz-security-token").cloned() })
}

fn cloudformation(request: &Request, stack: &Stack) -> Answer {
    let Stack { status, outputs } = stack;
    if !request.path.contains("StackName=gatepost&") {
        let error = "<ErrorResponse><Error><Code>ValidationError</Code></Error></ErrorResponse>";
        return Answer(400, error.to_owned());
    }
    if request.path.contains("Action=DescribeStacks") {
        return Answer(
            200,
            format!(
                "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackStatus>{status}</StackStatus>\
                 <Outputs>{outputs}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
            ),
        );
    }
    let resource = |id| {
        format!(
            "<member><LogicalResourceId>{id}</LogicalResourceId><PhysicalResourceId>gatepost-{id}</PhysicalResourceId></member>"
        )
    };
    let resources = ["Identities", "LogIn", "MailRule", "Bus"].map(resource).concat();
    Answer(200, format!("<ListStackResourcesResult>{resources}</ListStackResourcesResult>"))
}

/// Answers as a source of credentials to a caller with the required proof.
fn credentials(request: &Request) -> Answer {
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    let path = request.path.split('?').next().unwrap_or_default();
    match (request.method.as_str(), path) {
        ("GET", "/federation/credentials") if header("x-amz-sso_bearer_token") == Some(SSO_TOKEN) => {
            let credentials = json!({"accessKeyId": "ASIASSO", "secretAccessKey": SECRET, "sessionToken": SESSION,
                "expiration": 4_070_908_800_000_u64});
            Answer(200, json!({"roleCredentials": credentials}).to_string())
        }
        ("POST", "/") if request.body.contains("Action=AssumeRoleWithWebIdentity") => {
            assert!(request.body.contains(WEB_TOKEN), "{}", request.body);
            Answer(
                200,
                format!(
                    "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
                     <AccessKeyId>ASIAWEB</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>\
                     <SessionToken>{SESSION}</SessionToken><Expiration>{EXPIRY}</Expiration></Credentials>\
                     </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
                ),
            )
        }
        ("GET", "/container") if header("authorization") == Some(CONTAINER_TOKEN) => {
            Answer(200, temporary("ASIACONTAINER"))
        }
        ("PUT", "/latest/api/token") if header("x-aws-ec2-metadata-token-ttl-seconds").is_some() => {
            Answer(200, METADATA_TOKEN.to_owned())
        }
        ("GET", metadata) if header("x-aws-ec2-metadata-token") == Some(METADATA_TOKEN) => match metadata {
            "/latest/meta-data/placement/region" => Answer(200, "eu-west-1".to_owned()),
            "/latest/meta-data/iam/security-credentials/" => Answer(200, "operator".to_owned()),
            "/latest/meta-data/iam/security-credentials/operator" => Answer(200, temporary("ASIAINSTANCE")),
            _ => Answer(404, String::new()),
        },
        _ => Answer(401, String::new()),
    }
}

fn temporary(key: &str) -> String {
    let credentials = json!({"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-11-01T00:00:00Z",
        "AccessKeyId": key, "SecretAccessKey": SECRET, "Token": SESSION, "Expiration": EXPIRY});
    credentials.to_string()
}
