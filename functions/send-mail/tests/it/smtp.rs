//! Sending mails to a minimal SMTP server (RFC 5321). `tests/cloud` uses a complete server with TLS.

use std::sync::{Arc, Mutex};

use base64::{Engine, engine::general_purpose::STANDARD};
use local::Setup;
use serde_json::json;
use stage::{PASSWORD, Stage};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::{deliver, message, verify};

/// The lines that a client has sent.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn lines(&self, beginning: &str) -> Vec<String> {
        let lines = self.0.lock().expect("no panic");
        lines.iter().filter_map(|line| line.strip_prefix(beginning)).map(str::to_owned).collect()
    }

    /// Returns the last message, with its lines joined again.
    fn message(&self) -> String {
        self.0.lock().expect("no panic").join("\n").replace("=\n", "").replace("=3D", "=")
    }
}

type Answers = fn(&str, usize) -> &'static str;

/// Starts a server. `answers` returns its reply to a command, which has come a number of times before.
async fn listen(host: &str, answers: Answers) -> (String, Heard) {
    let listener = TcpListener::bind((host, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let heard = Heard::default();
    let ears = heard.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream, &ears, answers).await;
        }
    });
    (format!("smtp://{address}"), heard)
}

async fn serve(stream: TcpStream, heard: &Heard, answers: Answers) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let _ = writer.write_all(b"220 here\r\n").await;
    let mut is_message = false;
    while let Ok(Some(line)) = lines.next_line().await {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_owned();
        heard.0.lock().expect("no panic").push(line.clone());
        if is_message && line != "." {
            continue;
        }
        is_message = line == "DATA";
        let times = heard.lines(&verb).len();
        let answer = if line == "DATA" { "354 go on" } else { answers(&verb, times) };
        let _ = writer.write_all(format!("{answer}\r\n").as_bytes()).await;
    }
}

fn friendly(verb: &str, _: usize) -> &'static str {
    if verb == "EHLO" { "250-here\r\n250 AUTH PLAIN" } else { "250 well" }
}

fn smtp(url: &str) -> impl FnOnce(Setup) -> Setup {
    let url = url.to_owned();
    move |setup| setup.with_parameter("MailTransport", "smtp").with_parameter("SmtpUrl", &url)
}

#[tokio::test]
async fn a_mail_goes_to_the_server_and_its_link_works() {
    let (url, heard) = listen("127.0.0.1", friendly).await;
    let stage = Stage::with(smtp(&url));
    let request = json!({"email": "Ada@Bücher.example", "password": PASSWORD, "first_name": "Zoë"});
    stage.post("/v1/registrations", request).await.expect(202);

    stage.settle().await;

    assert_eq!(heard.lines("EHLO "), ["gatepost.example"]);
    assert_eq!(heard.lines("MAIL FROM:<"), ["no-reply@gatepost.example>"]);
    assert_eq!(heard.lines("RCPT TO:<"), ["Ada@xn--bcher-kva.example>"]);
    assert_eq!(heard.lines("AUTH").len(), 0, "there is no login");
    assert_eq!(heard.lines("Subject: "), ["Confirm your e-mail address for Gatepost"]);
    let message = heard.message();
    let token: String =
        message.split_once("#token=").expect("a link").1.chars().take_while(|c| !c.is_whitespace()).collect();
    assert_eq!(verify(&stage, &token).await, 201);
}

#[tokio::test]
async fn the_login_comes_from_the_secret() {
    let (url, heard) =
        listen("127.0.0.1", |verb, at| if verb == "AUTH" { "235 hello" } else { friendly(verb, at) }).await;
    let secret = r#"
  SmtpLogin:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString: { SecretStringTemplate: '{"username":"ada"}', GenerateStringKey: password, PasswordLength: 9, ExcludePunctuation: true }

Outputs:
"#;
    let template = local::template::OF_THIS_BUILD.replace("\nOutputs:\n", secret);
    let stage = Stage::with(|setup| {
        smtp(&url)(setup).with_template(template).with_parameter("SmtpSecret", "SmtpLogin")
    });

    for email in ["ada@example.com", "bob@example.com"] {
        stage.register(email).await.expect(202);
        stage.settle().await;
    }

    let logins = heard.lines("AUTH PLAIN ");
    let login = STANDARD.decode(&logins[0]).expect("base64");
    let login = String::from_utf8(login).expect("text");
    assert!(login.starts_with("\0ada\0") && login.len() == "\0ada\0".len() + 9, "{login:?}");
    assert_eq!(logins, [logins[0].clone(), logins[0].clone()]);
}

#[tokio::test]
async fn a_server_that_is_busy_gets_the_mail_later_and_once() {
    let busy: Answers =
        |verb, times| if verb == "RCPT" && times < 3 { "451 later" } else { friendly(verb, times) };
    let (url, heard) = listen("127.0.0.1", busy).await;
    let stage = Stage::with(smtp(&url));
    stage.register("ada@example.com").await.expect(202);

    stage.settle().await;

    assert_eq!((heard.lines("RCPT").len(), heard.lines("DATA").len()), (3, 1));
}

#[tokio::test]
async fn a_mail_refused_by_a_server_goes_to_the_dead_letter_queue() {
    let refusing: Answers = |verb, at| if verb == "RCPT" { "550 nobody here" } else { friendly(verb, at) };
    let (url, heard) = listen("127.0.0.1", refusing).await;
    let stage = Stage::with(smtp(&url));
    stage.register("ada@example.com").await.expect(202);

    stage.settle().await;

    assert_eq!(heard.lines("DATA").len(), 0);
    assert_eq!(stage.stack.waiting("MailDeadLetters").len(), 1);
    assert_eq!(deliver(&stage, &message(&stage)).await.len(), 1);
}

#[cfg(target_os = "linux")] // where all of 127.0.0.0/8 is here
#[tokio::test]
async fn mails_to_other_machines_require_tls() {
    let (url, heard) = listen("127.0.0.2", friendly).await;
    let stage = Stage::with(smtp(&url));
    stage.register("ada@example.com").await.expect(202);

    stage.settle().await;

    assert!(!heard.lines("EHLO").is_empty(), "the server was asked for STARTTLS");
    assert_eq!((heard.lines("MAIL").len(), heard.lines("AUTH").len()), (0, 0));
    assert_eq!(stage.stack.waiting("MailDeadLetters").len(), 1);
}

#[tokio::test]
async fn an_invalid_server_url_is_refused_at_the_start() {
    for url in ["", "mail.example.com"] {
        let stage = Stage::with(smtp(url));
        let error = stage.stack.warm().await.expect_err("refused").to_string();
        assert!(error.contains("SMTP_URL"), "{error}");
    }
}
