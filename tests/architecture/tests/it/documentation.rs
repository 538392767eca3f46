//! The documentation names what there is.

use std::{collections::BTreeSet, fs, path::Path};

use api::ProblemType;
use local::{Stack, template::OF_THIS_BUILD};

fn page(path: &str) -> String {
    fs::read_to_string(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path)).expect("a page")
}

#[test]
fn every_parameter_and_variable_is_described() {
    let configuration = page("docs/configuration.md");
    let parameters =
        OF_THIS_BUILD.split("\nParameters:\n").nth(1).and_then(|rest| rest.split("\nConditions:\n").next());
    let names = parameters
        .expect("parameters")
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let parameters = names.map(|line| line.trim().trim_end_matches(':').to_owned());

    let stack = Stack::memory().start().expect("the stack starts");
    let functions = stack.template().functions.values();
    let variables = functions.flat_map(|function| function.settings.keys().cloned()).collect::<Vec<_>>();

    for name in parameters.chain(variables) {
        assert!(configuration.contains(&format!("| `{name}` |")), "docs/configuration.md lacks {name}");
    }
}

#[test]
fn every_route_and_problem_is_described() {
    let api = page("docs/api.md");
    let stack = Stack::memory().start().expect("the stack starts");

    for route in &stack.template().routes {
        // That every `GET` has its `HEAD` is said once.
        let Some(method) = route.method.as_ref().filter(|method| *method != "HEAD") else { continue };
        assert!(
            api.contains(&format!("`{method} {}`", route.path)),
            "docs/api.md lacks {method} {}",
            route.path
        );
    }
    for problem in ProblemType::ALL {
        assert!(api.contains(&format!("`{}`", problem.slug())), "docs/api.md lacks {}", problem.slug());
    }
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let pages = fs::read_dir(root.join("docs")).expect("docs").map(|entry| entry.expect("an entry").path());
    for page in pages.filter(|page| page.is_file()).chain([root.join("README.md")]) {
        let text = fs::read_to_string(&page).expect("a page");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            let is_ours = !target.is_empty() && !target.contains("://");
            let folder = page.parent().expect("a folder");
            assert!(!is_ours || folder.join(target).exists(), "{}: {link} leads nowhere", page.display());
        }
    }
}

/// What `docs/delivery.md` promises in a list is held by a test; what is not promised needs none.
#[test]
fn every_promise_leads_to_its_test() {
    let text = page("docs/delivery.md");
    let promised = text.split("## What is not promised").next().expect("a text");
    let promised = promised.split("## If a Region fails").next().expect("a text");
    let mut held = 0;
    for item in promised.split("\n- ").skip(1).filter_map(|rest| rest.split("\n\n").next()) {
        let tests: Vec<_> =
            item.split("[test](../").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(!tests.is_empty(), "no test holds this: {item}");
        for test in tests {
            let (file, name) = test.split_once('#').expect("a test's name");
            assert!(page(file).contains(&format!("fn {name}()")), "{file} has no test {name}");
        }
        held += 1;
    }
    assert!(held > 20, "the list is read");
}

#[test]
fn every_alarm_says_what_to_do() {
    let alarms = page("docs/alarms.md");
    let resources = OF_THIS_BUILD.split("\nResources:\n").nth(1).expect("resources");
    let names = resources
        .split("\n  ")
        .filter(|block| !block.starts_with(' '))
        .filter_map(|block| block.strip_suffix(':'));
    let is_alarm =
        |name: &&str| OF_THIS_BUILD.contains(&format!("\n  {name}:\n    Type: AWS::CloudWatch::Alarm\n"));
    let names: Vec<_> = names.filter(is_alarm).collect();
    assert_eq!(names.len(), 22, "{names:?}");
    for name in names {
        assert!(alarms.contains(&format!("## {name}\n")), "docs/alarms.md lacks {name}");
    }
}

/// The names that follow `before`, up to the next quote.
fn named<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split('"').next())
}

#[test]
fn the_dashboard_shows_the_metrics_that_there_are_and_the_guide_lists_them() {
    let emitted = [
        "shared/api/src/problem.rs",
        "shared/cloud/src/shell.rs",
        "shared/store/src/transaction.rs",
        "shared/events/src/publisher.rs",
        "shared/passwords/src/choice.rs",
        "functions/receive-canary/src/lib.rs",
        "functions/send-mail/src/lib.rs",
        "functions/suppress-address/src/lib.rs",
        "functions/sweep-events/src/lib.rs",
    ]
    .map(page)
    .concat();
    let calls = [
        "put_count(\"",
        "put_time(\"",
        "put_longest(\"",
        "timed(\"",
        "done.add(\"",
        "count(\"",
        "Metric { name: \"",
        "=> Some(\"",
    ];
    let emitted: BTreeSet<_> = calls.iter().flat_map(|call| named(&emitted, call)).collect();

    let shown: BTreeSet<_> = named(OF_THIS_BUILD, "[\"Gatepost\", \"").collect();

    assert_eq!(shown, emitted);
    let guide = page("docs/observing.md");
    for name in shown {
        assert!(guide.contains(&format!("`{name}`")), "docs/observing.md lacks {name}");
    }
}

#[test]
fn the_consumer_in_the_guide_is_that_of_the_example() {
    let (guide, example) = (page("docs/consuming-events.md"), page("examples/directory/src/lib.rs"));
    let (_, code) = guide.split_once("```rust\n").expect("code");
    let (code, _) = code.split_once("```").expect("its end");
    // What the guide leaves out it says with `…`.
    for line in code.lines().filter(|line| !line.contains('…')) {
        assert!(example.contains(line.trim()), "examples/directory lacks {line}");
    }
}
