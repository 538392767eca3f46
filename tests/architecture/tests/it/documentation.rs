//! The documentation matches the code.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use api::ProblemType;
use local::{Stack, template::OF_THIS_BUILD};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("a page")
}

#[test]
fn every_parameter_is_described() {
    let configuration = page("docs/operate/configuration.md");
    let parameters =
        OF_THIS_BUILD.split("\nParameters:\n").nth(1).and_then(|rest| rest.split("\nConditions:\n").next());
    let names = parameters
        .expect("parameters")
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for name in names.map(|line| line.trim().trim_end_matches(':')) {
        assert!(
            configuration.contains(&format!("| `{name}` |")),
            "docs/operate/configuration.md lacks {name}"
        );
    }
}

#[test]
fn every_route_and_problem_is_described() {
    let api = page("docs/use/api.md");
    let stack = Stack::memory().start().expect("the stack starts");

    for route in &stack.template().routes {
        // The rule that every `GET` has a `HEAD` is stated once.
        let Some(method) = route.method.as_ref().filter(|method| *method != "HEAD") else { continue };
        assert!(
            api.contains(&format!("`{method} {}`", route.path)),
            "docs/use/api.md lacks {method} {}",
            route.path
        );
    }
    for problem in ProblemType::ALL {
        assert!(api.contains(&format!("`{}`", problem.slug())), "docs/use/api.md lacks {}", problem.slug());
    }
}

/// Returns every page of the repository.
fn pages() -> Vec<PathBuf> {
    let (mut pages, mut folders) = (Vec::new(), vec![root().join("docs"), root().join("examples")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.extend(["README.md", "CONTRIBUTING.md"].map(|name| root().join(name)));
    pages
}

/// Returns the anchor that GitHub gives to a heading.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

fn has_anchor(page: &Path, wanted: &str) -> bool {
    let text = fs::read_to_string(page).expect("a page");
    text.lines().any(|line| line.starts_with('#') && anchor(line) == wanted)
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            if path.contains("://") {
                continue;
            }
            let target =
                if path.is_empty() { page.clone() } else { page.parent().expect("a folder").join(path) };
            assert!(target.exists(), "{}: {link} leads nowhere", page.display());
            let is_page = target.extension().is_some_and(|extension| extension == "md");
            let leads = !is_page || fragment.is_empty() || has_anchor(&target, fragment);
            assert!(leads, "{}: {link} names no heading", page.display());
        }
    }
}

#[test]
fn the_index_lists_every_page() {
    let index = page("docs/README.md");
    for path in pages() {
        let Ok(name) = path.strip_prefix(root().join("docs")) else { continue };
        let name = name.to_str().expect("a name");
        assert!(name == "README.md" || index.contains(&format!("]({name})")), "docs/README.md lacks {name}");
    }
}

/// Each item of the lists in `docs/use/delivery.md` links to an existing test.
#[test]
fn every_promise_leads_to_its_test() {
    let text = page("docs/use/delivery.md");
    let promised = text.split("## Not promised").next().expect("a text");
    let promised = promised.split("## If a Region fails").next().expect("a text");
    let mut held = 0;
    for item in promised.split("\n- ").skip(1).filter_map(|rest| rest.split("\n\n").next()) {
        let tests: Vec<_> =
            item.split("[test](../../").skip(1).filter_map(|rest| rest.split(')').next()).collect();
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
    let alarms = page("docs/operate/alarms.md");
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
        assert!(alarms.contains(&format!("## {name}\n")), "docs/operate/alarms.md lacks {name}");
    }
}

/// Returns the names that follow `before`, up to the next quote.
fn named<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split('"').next())
}

#[test]
fn the_dashboard_shows_the_metrics_that_there_are_and_the_guide_lists_them() {
    let emitted = [
        "shared/api/src/problem.rs",
        "shared/cloud/src/shell.rs",
        "shared/store/src/transaction/mod.rs",
        "shared/events/src/publisher.rs",
        "shared/application/src/password/rules.rs",
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
    let guide = page("docs/operate/observing.md");
    for name in shown {
        assert!(guide.contains(&format!("`{name}`")), "docs/operate/observing.md lacks {name}");
    }
}

#[test]
fn the_consumer_in_the_guide_is_that_of_the_example() {
    let (guide, example) = (page("docs/use/consuming-events.md"), page("examples/directory/src/lib.rs"));
    let (_, code) = guide.split_once("```rust\n").expect("code");
    let (code, _) = code.split_once("```").expect("its end");
    // The guide marks omissions with `…`.
    for line in code.lines().filter(|line| !line.contains('…')) {
        assert!(example.contains(line.trim()), "examples/directory lacks {line}");
    }
}
