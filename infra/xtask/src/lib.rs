//! Tasks for the developers of the repository.

use std::{fs, io, path::Path};

use thiserror::Error;

/// The model of new functions. It is the smallest one, so that a new function always has the current shape.
const MODEL: &str = "health";
const REGISTER: &str = "infra/local/src/functions.rs";
const MOUNTED: &str = "infra/local/Cargo.toml";
const TEMPLATE: &str = "template.yaml";
/// Separates tests in the model's test file.
const TEST: &str = "#[tokio::test]\n";

/// The reason why no function was created.
#[derive(Debug, Error)]
pub enum NewFunctionError {
    /// The name has another form.
    #[error("{0} is not a name such as read-profile: lower-case words, joined by hyphens")]
    InvalidName(String),
    /// The folder exists.
    #[error("functions/{0} exists already")]
    Exists(String),
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(String, #[source] io::Error),
    /// A file lacks the place for the new function.
    #[error("{0} lacks a line of {MODEL}")]
    NoPlace(&'static str),
}

/// The forms of a function's name.
struct Name<'a> {
    dashed: &'a str,
    snake: String,
    pascal: String,
}

/// Creates a function that answers `GET /v1/<name>`: its folder, its line in the register and its block in the template.
///
/// # Errors
/// If the name is unusable or taken, or a file cannot be read or written.
pub fn new_function(root: &Path, name: &str) -> Result<(), NewFunctionError> {
    let name = Name::parse(name)?;
    let folder = root.join("functions").join(name.dashed);
    if folder.exists() {
        return Err(NewFunctionError::Exists(name.dashed.to_owned()));
    }
    // All files are read before any is written.
    let parts = ["Cargo.toml", "event.json", "src/main.rs", "src/lib.rs", "tests/it/main.rs"].map(|part| {
        let text = read(&root.join("functions").join(MODEL).join(part))?;
        Ok((folder.join(part), name.part(part, &text)))
    });
    let parts = parts.into_iter().collect::<Result<Vec<_>, NewFunctionError>>()?;
    let changed = [
        (root.join(REGISTER), with_line(&read(&root.join(REGISTER))?, &name, "(\"", REGISTER)?),
        (root.join(MOUNTED), with_line(&read(&root.join(MOUNTED))?, &name, "", MOUNTED)?),
        (root.join(TEMPLATE), with_block(&read(&root.join(TEMPLATE))?, &name)?),
    ];
    parts.into_iter().chain(changed).try_for_each(|(path, text)| write(&path, &text))
}

impl<'a> Name<'a> {
    fn parse(dashed: &'a str) -> Result<Self, NewFunctionError> {
        let words: Vec<_> = dashed.split('-').collect();
        let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        if words.len() < 2 || !words.iter().all(is_word) {
            return Err(NewFunctionError::InvalidName(dashed.to_owned()));
        }
        let capitalized = words.iter().filter_map(|word| word.split_at_checked(1));
        let pascal = capitalized.map(|(first, rest)| first.to_ascii_uppercase() + rest).collect();
        Ok(Self { dashed, snake: words.join("_"), pascal })
    }

    /// Returns a part of the model for the new function.
    fn part(&self, part: &str, text: &str) -> String {
        let text = self.rename(text);
        match part {
            "src/lib.rs" => {
                let code = text.split_once("\n\n").map_or(text.as_str(), |(_, code)| code);
                format!("//! `GET /v1/{}`: describes the use case in one sentence.\n\n{code}", self.dashed)
            }
            // The first test is specific to the model, the others apply to all functions.
            "tests/it/main.rs" => {
                let tests: Vec<_> = text.split(TEST).take(2).collect();
                tests.join(TEST).trim_end().to_owned() + "\n"
            }
            _ => text,
        }
    }

    fn rename(&self, text: &str) -> String {
        let pascal = self.pascal.as_str();
        let in_paths =
            ["/v1/", "functions/", "\"", "Binary: "].iter().fold(text.to_owned(), |text, before| {
                text.replace(&format!("{before}{MODEL}"), &format!("{before}{}", self.dashed))
            });
        let dependency = format!("{MODEL}.path");
        let in_paths = in_paths.replace(&dependency, &format!("{}.path", self.dashed));
        in_paths.replace("Health", pascal).replace(MODEL, &self.snake)
    }
}

/// Adds the line of the new function before that of the first function whose name follows.
fn with_line(
    text: &str,
    name: &Name,
    before_name: &str,
    file: &'static str,
) -> Result<String, NewFunctionError> {
    let named = |line: &str| {
        let rest = if before_name.is_empty() { line } else { line.split_once(before_name)?.1 };
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-')?;
        let is_entry = line.contains("::function(cloud)") || line.contains("\"../../functions/");
        is_entry.then(|| rest[..end].to_owned())
    };
    let lines: Vec<_> = text.lines().collect();
    let model = lines.iter().find(|line| named(line).as_deref() == Some(MODEL));
    let model = model.ok_or(NewFunctionError::NoPlace(file))?;
    let last = lines.iter().rposition(|line| named(line).is_some()).map_or(lines.len(), |last| last + 1);
    let follows = |line: &&str| named(line).is_some_and(|other| other.as_str() > name.dashed);
    let place = lines.iter().position(follows).unwrap_or(last);
    let added = name.rename(model);
    let (before, after) = lines.split_at(place);
    Ok([before, &[added.as_str()], after].concat().join("\n") + "\n")
}

/// Adds function and role before those of the model.
fn with_block(template: &str, name: &Name) -> Result<String, NewFunctionError> {
    let (before, from_model) =
        template.split_once("\n  Health:\n").ok_or(NewFunctionError::NoPlace(TEMPLATE))?;
    // The function and its role.
    let parts: Vec<_> = from_model.split("\n\n").take(2).collect();
    let [function, role] = parts.as_slice() else {
        return Err(NewFunctionError::NoPlace(TEMPLATE));
    };
    let block = name.rename(&format!("\n  Health:\n{function}\n\n{role}\n"));
    Ok(format!("{before}{block}\n  Health:\n{from_model}"))
}

fn read(path: &Path) -> Result<String, NewFunctionError> {
    fs::read_to_string(path).map_err(|error| NewFunctionError::File(path.display().to_string(), error))
}

fn write(path: &Path, text: &str) -> Result<(), NewFunctionError> {
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, text));
    written.map_err(|error| NewFunctionError::File(path.display().to_string(), error))
}
