//! Starting and ending `gatepost dev`.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt, process::Output};

use crate::process::{Running, Scratch, dev, refused, register, request};

/// Returns the one sentence of a refused start, and its exit code.
fn sentence(output: &Output) -> (String, Option<i32>) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text.lines().count(), 1, "one sentence: {text}");
    (text, output.status.code())
}

#[test]
fn it_prints_its_address_and_events_and_ends_on_ctrl_c() {
    let folder = Scratch::new();
    let mut running = Running::start(dev(&folder, &["--port", "0"]));
    assert_eq!(register(&running.address, "ada@example.com"), Some(202));
    let event = running.line_with("event ");
    assert!(event.starts_with("event registration.requested"), "no colours in a pipe: {event}");
    assert!(running.line_with("mail ").contains("ada@example.com"));
    let link = format!("http://{}/_local/verify#token=", running.address);
    assert!(running.line_with("token").trim().starts_with(&link));
    assert!(folder.path().join(".gatepost/gatepost.db").exists());
    assert_eq!(running.interrupt(), Some(0));
}

#[test]
fn a_system_in_memory_leaves_no_files() {
    let folder = Scratch::new();
    let running = Running::start(dev(&folder, &["--memory", "--port", "0"]));
    assert_eq!(register(&running.address, "ada@example.com"), Some(202));
    assert_eq!(running.interrupt(), Some(0));
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0);
}

#[test]
fn only_the_routes_of_the_template_are_served() {
    let folder = Scratch::new();
    let running = Running::start(dev(&folder, &["--memory", "--port", "0"]));
    let get = |path| {
        request(
            &running.address,
            &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"),
        )
    };
    assert_eq!(get("/v1/health"), Some(200));
    assert_eq!(get("/v1/nothing"), Some(404));
    assert_eq!(get("/_local/mail"), Some(200));
}

#[test]
fn a_port_in_use_is_one_sentence() {
    let folder = Scratch::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let (said, code) = sentence(&refused(dev(&folder, &["--memory", "--port", &port])));
    assert_eq!((said.contains("is in use"), code), (true, Some(1)), "{said}");
}

#[test]
fn a_data_folder_that_is_in_use_or_unusable_is_one_sentence() {
    let folder = Scratch::new();
    let running = Running::start(dev(&folder, &["--port", "0"]));
    let (said, code) = sentence(&refused(dev(&folder, &["--port", "0"])));
    assert_eq!((said.contains("is used by another process"), code), (true, Some(1)), "{said}");
    drop(running);
    fs::write(folder.data(), "a file").expect("written");
    let (said, code) = sentence(&refused(dev(&folder, &["--port", "0", "--data", "data"])));
    assert_eq!((said.contains("cannot be used"), code), (true, Some(1)), "{said}");
}

#[test]
fn a_secret_that_others_can_read_is_one_sentence() {
    let folder = Scratch::new();
    drop(Running::start(dev(&folder, &["--port", "0"])));
    let secret = folder.path().join(".gatepost/secret.json");
    fs::set_permissions(secret, fs::Permissions::from_mode(0o644)).expect("changed");
    let (said, code) = sentence(&refused(dev(&folder, &["--port", "0"])));
    assert_eq!((said.contains("others can read the secret"), code), (true, Some(1)), "{said}");
}

#[test]
fn a_broken_template_is_one_sentence() {
    let folder = Scratch::new();
    for (text, said) in [
        ("Resources: [", "cannot be run: line"),
        ("Resources: { A: { Type: 'AWS::EC2::Instance' } }", "AWS::EC2::Instance do not run locally"),
        ("{}", "it has no"),
    ] {
        fs::write(folder.path().join("broken.yaml"), text).expect("written");
        let output = refused(dev(&folder, &["--memory", "--port", "0", "--template", "broken.yaml"]));
        let (sentence, code) = sentence(&output);
        assert_eq!(code, Some(1));
        assert!(sentence.contains(said), "{sentence}");
    }
    let (said, _) = sentence(&refused(dev(&folder, &["--memory", "--template", "none.yaml", "--port", "0"])));
    assert!(said.contains("cannot read the template") && said.contains("none.yaml"), "{said}");
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let folder = Scratch::new();
    assert_eq!(refused(dev(&folder, &["--memory", "--data", "x"])).status.code(), Some(2));
    assert_eq!(refused(dev(&folder, &["--port", "many"])).status.code(), Some(2));
}
