//! Plain English: the openers and words that `CONTRIBUTING.md` rules out become fewer, never more.
//!
//! `english.txt` has the sentences that still break a rule, folder by folder. Each number may only shrink.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

const OPENERS: [&str; 6] = ["What", "Who", "Whoever", "Whose", "Whatever", "Of"];
const WORDS: [&str; 7] = ["somebody", "nobody", "anybody", "everybody", "whoever", "whatever", "anew"];
const PHRASES: [&str; 5] = ["is no ", "is none", "no more", "any more", "at once"];
const BUDGETS: &str = include_str!("../english.txt");

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Every file of the repository, tracked or about to be.
fn files() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git");
    String::from_utf8(listed.stdout).expect("names").lines().map(str::to_owned).collect()
}

/// The folder whose budget a file counts against.
fn folder(file: &str) -> String {
    let parts: Vec<_> = file.split('/').collect();
    match parts.as_slice() {
        ["functions", ..] => "functions".to_owned(),
        [room @ ("shared" | "infra" | "tests" | "examples"), house, ..] => format!("{room}/{house}"),
        ["docs", ..] => "docs".to_owned(),
        [first, ..] => (*first).to_owned(),
        [] => String::new(),
    }
}

/// The prose of a file, one paragraph a text.
fn prose(file: &str, text: &str) -> Vec<String> {
    match Path::new(file).extension().and_then(|extension| extension.to_str()) {
        Some("rs") => of_rust(text),
        Some("md") => of_markdown(text),
        Some("yaml") if file == "template.yaml" => of_template(text),
        Some("txt" | "html") if file.contains("/mail/") => vec![text.to_owned()],
        _ => Vec::new(),
    }
}

/// Comments, and the texts of errors and of the command's help.
fn of_rust(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in text.lines().map(str::trim) {
        let comment = ["///", "//!", "//"].iter().find_map(|mark| line.strip_prefix(mark));
        match comment.map(str::trim) {
            Some("") | None => paragraphs.push(String::new()),
            Some(comment) => append(&mut paragraphs, comment),
        }
        let texts = ["#[error(\"", ".about(\"", ".help(\"", ".long_help(\""];
        let texts = texts.iter().filter_map(|mark| line.split(mark).nth(1)?.split('"').next());
        paragraphs.extend(texts.map(str::to_owned));
    }
    paragraphs
}

/// Paragraphs, list items and cells of tables, without code.
fn of_markdown(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    let mut is_code = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code {
        } else if line.starts_with('|') {
            paragraphs.extend(line.split('|').map(str::to_owned));
            paragraphs.push(String::new());
        } else if line.is_empty() || line.starts_with(['#', '-', '*', '>']) {
            paragraphs.push(line.trim_start_matches(['#', '-', '*', '>', ' ']).to_owned());
        } else {
            append(&mut paragraphs, line);
        }
    }
    paragraphs
}

/// Descriptions and comments.
fn of_template(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in text.lines().map(str::trim) {
        match line.split_once(": ") {
            Some((name, value)) if name.ends_with("Description") => paragraphs.push(value.to_owned()),
            Some(_) => paragraphs.push(String::new()),
            None => append(&mut paragraphs, line.trim_start_matches(['#', ' '])),
        }
    }
    paragraphs
}

fn append(paragraphs: &mut [String], line: &str) {
    if let Some(last) = paragraphs.last_mut() {
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(line);
    }
}

fn sentences(paragraph: &str) -> Vec<String> {
    let mut sentences = vec![String::new()];
    let mut is_code = false;
    for word in paragraph.split_whitespace() {
        let sentence = sentences.last_mut().expect("one");
        is_code ^= word.matches('`').count() % 2 == 1;
        sentence.push_str(word);
        sentence.push(' ');
        if !is_code && word.trim_end_matches(['"', ')', '*', '_']).ends_with(['.', '!', '?', ':']) {
            sentences.push(String::new());
        }
    }
    sentences.retain(|sentence| sentence.chars().any(char::is_alphabetic));
    sentences
}

fn breaks_a_rule(sentence: &str) -> bool {
    // Code may say anything.
    let sentence: String = sentence.split('`').step_by(2).collect();
    let plain = sentence.trim_start_matches(['*', '"', '(', '_', ' ', '[']);
    let opener = plain.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let is_question = sentence.trim_end().ends_with('?');
    let lower = sentence.to_lowercase();
    let has_word = lower.split(|c: char| !c.is_alphabetic()).any(|word| WORDS.contains(&word));
    (OPENERS.contains(&opener) && !is_question)
        || has_word
        || PHRASES.iter().any(|phrase| lower.contains(phrase))
}

#[test]
fn sentences_that_break_the_rules_of_english_become_fewer() {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files().into_iter().filter(|file| !file.ends_with("/english.rs")) {
        let Ok(text) = fs::read_to_string(root().join(&file)) else { continue };
        let sentences =
            prose(&file, &text).iter().flat_map(|paragraph| sentences(paragraph)).collect::<Vec<_>>();
        let broken = sentences.into_iter().filter(|sentence| breaks_a_rule(sentence));
        found.entry(folder(&file)).or_default().extend(broken.map(|sentence| format!("{file}: {sentence}")));
    }
    let budgets: BTreeMap<_, usize> = BUDGETS
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(folder, count)| (folder, count.trim().parse().expect("a number")))
        .collect();
    let mut wrong = Vec::new();
    for (folder, broken) in found {
        let budget = budgets.get(folder.as_str()).copied().unwrap_or(0);
        if broken.len() > budget {
            wrong.push(format!("{folder} has {} of {budget}:\n  {}", broken.len(), broken.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_rule_of_english_is_noticed() {
    for wrong in [
        "What is read here.",
        "Of two, one.",
        "It tells nobody.",
        "It is made anew.",
        "There is no user at once.",
    ] {
        assert!(breaks_a_rule(wrong), "{wrong}");
    }
    for right in
        ["What is a session?", "Returns the user.", "Office hours.", "Deletes a session that has ended."]
    {
        assert!(!breaks_a_rule(right), "{right}");
    }
    let source = "/// Returns a user.\n/// Whoever it is.\nfn of() {}\n#[error(\"nobody\")]\n";
    let broken = of_rust(source)
        .iter()
        .flat_map(|paragraph| sentences(paragraph))
        .filter(|text| breaks_a_rule(text))
        .count();
    assert_eq!(broken, 2);
}
