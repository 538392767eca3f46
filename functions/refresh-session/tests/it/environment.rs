//! The binary reads only the documented variables, and no other AWS configuration.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use local::Stack;

/// A request that has arrived at a server.
struct Arrived {
    line: String,
    headers: BTreeMap<String, String>,
}

/// A process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server that computes its responses from the requests. Returns its address and a log of requests.
fn server(answer: impl Fn(&str) -> String + Send + Sync + Clone + 'static) -> (String, Receiver<Arrived>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (tell, told) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, tell, answer) = (stream.expect("a connection"), tell.clone(), answer.clone());
            thread::spawn(move || {
                let mut reader = BufReader::new(&stream);
                while let Some(arrived) = read(&mut reader) {
                    let answer = answer(&arrived.line);
                    let _ = tell.send(arrived);
                    let _ = (&stream).write_all(answer.as_bytes());
                }
            });
        }
    });
    (address, told)
}

fn read(reader: &mut impl BufRead) -> Option<Arrived> {
    let (mut line, mut headers) = (String::new(), BTreeMap::new());
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    reader.read_exact(&mut vec![0; length]).ok()?;
    Some(Arrived { line, headers })
}

fn with_length(head: &str, body: &str) -> String {
    format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Simulates Lambda's runtime interface with this one event.
fn lambda(line: &str) -> String {
    if !line.contains("/invocation/next") {
        return with_length("HTTP/1.1 202 Accepted", "");
    }
    let event = include_str!("../../event.json");
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:refresh-session";
    let head = format!(
        "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 1\r\nlambda-runtime-deadline-ms: 0\r\n\
         lambda-runtime-invoked-function-arn: {arn}"
    );
    with_length(&head, event)
}

/// Creates a file that blocks its readers forever.
fn trap(folder: &Path, path: &str) -> PathBuf {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    let _ = fs::remove_file(&path);
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo runs").success());
    path
}

/// Points everything that the SDK's default chain reads to a trap.
fn traps(command: &mut Command, home: &Path, trap_url: &str) {
    for file in [".aws/config", ".aws/credentials"] {
        trap(home, file);
    }
    command.env("HOME", home);
    for (name, file) in [
        ("AWS_CONFIG_FILE", "config"),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "token"),
    ] {
        command.env(name, trap(home, file));
    }
    for name in [
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "AWS_ENDPOINT_URL_DYNAMODB",
        "AWS_ENDPOINT_URL_STS",
    ] {
        command.env(name, trap_url);
    }
    command.envs([
        ("AWS_PROFILE", "trap"),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/Trap"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("AWS_SDK_UA_APP_ID", "trap"),
    ]);
}

#[test]
fn a_function_reads_only_documented_variables() {
    let (runtime, told_lambda) = server(lambda);
    let refuse = |_: &str| with_length("HTTP/1.1 400 Bad Request", r#"{"__type":"AccessDeniedException"}"#);
    let (aws, told_aws) = server(refuse);
    let (trap_address, trapped) = server(refuse);
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("environment");
    let template = Stack::memory().template().expect("the template");
    let mut command = Command::new(env!("CARGO_BIN_EXE_refresh-session"));
    command.env_clear().envs(&template.functions["refresh-session"].settings).stdout(Stdio::null());
    traps(&mut command, &home, &format!("http://{trap_address}"));
    command.envs([
        ("PATH", "/nowhere"),
        ("AWS_LAMBDA_RUNTIME_API", runtime.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "refresh-session"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "ASIAFUNCTION"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "session"),
        ("AWS_ENDPOINT_URL", &format!("http://{aws}")),
    ]);
    let _running = Ended(command.spawn().expect("it runs"));

    let answered = loop {
        let request = told_lambda.recv_timeout(Duration::from_mins(1)).expect("no answer: it reads a trap");
        if request.line.starts_with("POST ") {
            break request.line;
        }
    };
    let asked = told_aws.recv().expect("the secret is read");

    assert!(answered.contains("/invocation/1/response"), "{answered}");
    let header = |name: &str| asked.headers.get(name).map(String::as_str).unwrap_or_default();
    assert!(header("authorization").contains("Credential=ASIAFUNCTION/"), "{}", header("authorization"));
    assert!(header("authorization").contains("/eu-west-1/secretsmanager/"), "{}", header("authorization"));
    assert_eq!(header("x-amz-security-token"), "session");
    assert!(header("amz-sdk-request").contains("max=3"), "{}", header("amz-sdk-request"));
    assert!(!header("user-agent").contains("trap") && !header("x-amz-user-agent").contains("trap"));
    assert_eq!(trapped.try_iter().count(), 0, "requests to the trap");
}
