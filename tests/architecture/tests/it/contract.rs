//! The published contract matches the code. It is generated from the types of requests and responses, their
//! comments, and the problems of the use cases.
//!
//! `REGENERATE=1 cargo test --package architecture contract` writes it.

use crate::again;
use std::{collections::BTreeSet, fs, path::Path};

use api::{Contract, ProblemType};
use local::{Stack, functions::ALL};
use serde_json::Value;

const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");

/// Returns the comment at the head of a function: the sentence after the routes, and the rest.
fn said_of(name: &str) -> (String, String) {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions"));
    let source = fs::read_to_string(root.join(name).join("src/lib.rs")).expect("a slice");
    let comment: Vec<_> = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let comment = comment.join("\n").replace("\n\n", "\0").replace('\n', " ").replace('\0', "\n\n");
    let (_, said) = comment.split_once("`: ").expect("routes, then what it does");
    let (summary, rest) = said.split_once("\n\n").unwrap_or((said, ""));
    let mut letters = summary.trim_end_matches('.').chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    (first + letters.as_str(), rest.to_owned())
}

fn generated() -> Value {
    let mut contract = Contract::default();
    for function in ALL.iter().filter(|function| function.name != "unknown-route") {
        let Some(endpoint) = function.endpoint else { continue };
        let (summary, description) = said_of(function.name);
        (endpoint.describe)(&mut contract, function.name, &summary, &description);
    }
    contract.document(env!("CARGO_PKG_VERSION"))
}

#[test]
fn the_published_contract_is_that_of_the_code() {
    let text = format!("{:#}\n", generated());
    if std::env::var_os("REGENERATE").is_some() {
        fs::write(PUBLISHED, &text).expect("the contract is written");
    }
    let published = fs::read_to_string(PUBLISHED).expect("a contract");
    assert!(published == text, "openapi.json does not match the code: REGENERATE=1 writes it");
}

fn published() -> Value {
    serde_json::from_str(&fs::read_to_string(PUBLISHED).expect("a contract")).expect("JSON")
}

#[test]
fn the_contract_has_the_routes_of_the_template() {
    let stack = Stack::memory().start().expect("the stack starts");
    // HTTP itself promises `HEAD` for every `GET`.
    let routes = stack.template().routes.iter().filter(|route| route.method.as_deref() != Some("HEAD"));
    let template: BTreeSet<_> =
        routes.filter_map(|route| Some(format!("{} {}", route.method.as_ref()?, route.path))).collect();

    let contract = published();
    let paths = contract["paths"].as_object().expect("paths").iter();
    let operations = paths.flat_map(|(path, operations)| {
        let methods = operations.as_object().expect("operations").keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });

    assert_eq!(operations.collect::<BTreeSet<_>>(), template);
}

#[test]
fn every_operation_says_what_it_does_and_what_changes_something_takes_a_key() {
    let contract = published();
    let (mut ids, changing) = (BTreeSet::new(), again::changing());
    for (path, operations) in contract["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let summary = operation["summary"].as_str().unwrap_or_default();
            assert!(summary.len() > 10, "{method} {path}: {summary}");
            assert!(ids.insert(operation["operationId"].to_string()), "{method} {path}: an id of its own");
            let has_key = operation["parameters"].to_string().contains("idempotency-key");
            let route = format!("{} {path}", method.to_uppercase());
            assert_eq!(has_key, changing.contains(&route), "{route}");
        }
    }
}

#[test]
fn every_problem_is_of_some_operation() {
    let contract = fs::read_to_string(PUBLISHED).expect("a contract");
    // Requests without a route are not part of the contract.
    let of_routes = ProblemType::ALL.iter().filter(|problem| **problem != ProblemType::MethodNotAllowed);
    for problem in of_routes {
        assert!(contract.contains(&format!("`{}`: ", problem.slug())), "{}", problem.slug());
    }
}
