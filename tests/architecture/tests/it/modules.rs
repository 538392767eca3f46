//! The modules of a crate use each other without circles, and its top-level modules, the rooms, use only those rooms that
//! `arrows.txt` lists.
//!
//! An arrow is a path in a `use` statement or in the code: `crate::…`, `super::…`, or one that begins with a child module.
//! A path through a re-export leads to the module that has the item. Tests are left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const ARROWS: &str = include_str!("../arrows.txt");

/// The circles that are left. They may only shrink.
const CIRCLES: [&str; 1] = ["shared/domain: credential digest event link oauth/client \
     oauth/consent oauth/grant oauth/redirect_uri role session status_name transition user"];

/// The path of a module within its crate; empty for `lib.rs` or `main.rs`.
type Module = Vec<String>;

/// The modules of a crate, with the paths that each one uses and re-exports.
#[derive(Default)]
struct Modules {
    used: BTreeMap<Module, Vec<Module>>,
    exported: BTreeMap<Module, BTreeMap<String, Module>>,
}

/// The crates whose arrows are listed, with the arrows of each room.
fn listed() -> BTreeMap<&'static str, BTreeMap<String, BTreeSet<String>>> {
    let mut crates = BTreeMap::<_, BTreeMap<_, _>>::new();
    for line in ARROWS.lines() {
        let (room, used) = line.split_once(':').expect("`crate room: rooms`");
        let (folder, room) = room.split_once(' ').expect("a crate and a room");
        let used = used.split_whitespace().map(str::to_owned).collect();
        crates.entry(folder).or_default().insert(room.to_owned(), used);
    }
    crates
}

#[test]
fn no_module_uses_itself_through_another_one() {
    let mut circles = BTreeSet::new();
    for folder in listed().keys() {
        let arrows = Modules::of_crate(folder).arrows();
        for module in arrows.keys() {
            let reached = reached(&arrows, module);
            let circle = reached.iter().filter(|other| self::reached(&arrows, other).contains(module));
            let circle: Vec<_> = circle.map(name).collect();
            if !circle.is_empty() {
                circles.insert(format!("{folder}: {}", circle.join(" ")));
            }
        }
    }
    assert_eq!(circles.iter().map(String::as_str).collect::<Vec<_>>(), CIRCLES);
}

#[test]
fn rooms_of_a_crate_use_only_the_rooms_that_are_listed() {
    let mut wrong = Vec::new();
    for (folder, listed) in listed() {
        let mut found = BTreeMap::<String, BTreeSet<String>>::new();
        for (module, used) in Modules::of_crate(folder).arrows() {
            let rooms = used.iter().map(room).filter(|used| *used != room(&module));
            found.entry(room(&module)).or_default().extend(rooms);
        }
        // A root that only declares and exports its modules needs no line.
        found.retain(|room, used| room != "lib" || !used.is_empty() || listed.contains_key(room));
        for room in found.keys().chain(listed.keys()).collect::<BTreeSet<_>>() {
            let (found, listed) = (found.get(room), listed.get(room));
            if found != listed {
                let line = |rooms: Option<&BTreeSet<String>>| match rooms {
                    Some(rooms) => rooms.iter().fold(String::new(), |line, room| line + " " + room),
                    None => " no such room".to_owned(),
                };
                wrong.push(format!("{folder} {room}:{}\n    listed:{}", line(found), line(listed)));
            }
        }
    }
    assert!(wrong.is_empty(), "these lines of arrows.txt do not match the code:\n{}", wrong.join("\n"));
}

/// The modules that a module uses, directly or through others.
fn reached(arrows: &BTreeMap<Module, BTreeSet<Module>>, from: &Module) -> BTreeSet<Module> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from.clone()]);
    while let Some(module) = next.pop() {
        let used = arrows.get(&module).into_iter().flatten();
        next.extend(used.filter(|used| reached.insert((*used).clone())).cloned().collect::<Vec<_>>());
    }
    reached
}

fn room(module: &Module) -> String {
    module.first().cloned().unwrap_or_else(|| "lib".to_owned())
}

fn name(module: &Module) -> String {
    if module.is_empty() { "lib".to_owned() } else { module.join("/") }
}

impl Modules {
    fn of_crate(folder: &str) -> Self {
        let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(folder).join("src");
        let mut files = BTreeMap::new();
        collect(&source, &mut Vec::new(), &mut files);
        assert!(files.len() > 1, "{folder} has modules");
        Self::of_files(files)
    }

    fn of_files(mut files: BTreeMap<Module, String>) -> Self {
        for tests in files.iter().flat_map(|(module, text)| tests_of(module, text)).collect::<Vec<_>>() {
            files.retain(|module, _| !module.starts_with(&tests));
        }
        let mut modules = Self::default();
        for (module, text) in &files {
            let children =
                files.keys().filter(|other| other.len() == module.len() + 1 && other.starts_with(module));
            let children = children.filter_map(|child| child.last().map(String::as_str)).collect();
            let mut used = Vec::new();
            let mut exported = BTreeMap::new();
            let mut code = String::new();
            for statement in statements(&plain(text)) {
                match statement.split_once("use ") {
                    Some((visibility, tree))
                        if ["", "pub", "pub(crate)", "pub(super)"].contains(&visibility.trim()) =>
                    {
                        let paths = paths_of_tree(tree).into_iter();
                        let paths = paths.filter_map(|path| absolute(module, &children, &path));
                        if visibility.trim().is_empty() {
                            used.extend(paths);
                        } else {
                            exported
                                .extend(paths.map(|path| (path.last().cloned().unwrap_or_default(), path)));
                        }
                    }
                    _ => code.push_str(&statement),
                }
            }
            let inline = paths_of_code(&code).into_iter();
            used.extend(inline.filter_map(|path| absolute(module, &children, &path)));
            modules.used.insert(module.clone(), used);
            modules.exported.insert(module.clone(), exported);
        }
        modules
    }

    /// The modules that each module uses.
    fn arrows(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let arrows = self.used.iter().map(|(module, used)| {
            let used = used.iter().map(|path| self.home(path)).filter(|used| used != module);
            (module.clone(), used.collect())
        });
        arrows.collect()
    }

    /// The module that a path leads to, through re-exports.
    fn home(&self, path: &Module) -> Module {
        let depth = (0..=path.len()).rev().find(|depth| self.used.contains_key(&path[..*depth])).unwrap_or(0);
        let module = path[..depth].to_vec();
        let exported = path.get(depth).and_then(|name| self.exported.get(&module)?.get(name));
        exported.map_or(module, |exported| self.home(exported))
    }
}

/// Reads the files of a folder, without tests.
fn collect(folder: &Path, module: &mut Module, files: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        if stem == "tests" {
            continue;
        }
        if path.is_dir() {
            module.push(stem);
            collect(&path, module, files);
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let mut name = module.clone();
            if !["lib", "main", "mod"].contains(&stem.as_str()) {
                name.push(stem);
            }
            files.insert(name, fs::read_to_string(&path).expect("a source"));
        }
    }
}

/// The modules that a module declares for tests only.
fn tests_of(module: &Module, text: &str) -> Vec<Module> {
    let declared = text.split("#[cfg(test)]\nmod ").skip(1).filter_map(|rest| {
        let end = rest.find([';', ' '])?;
        rest[end..].starts_with(';').then(|| [module.as_slice(), &[rest[..end].to_owned()]].concat())
    });
    declared.collect()
}

/// The code without comments, texts and the tests at its end.
fn plain(text: &str) -> String {
    let mut rest = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut code = String::new();
    while let Some(at) = rest.find(['/', '"', '\'', 'r']) {
        let (before, from) = rest.split_at(at);
        code.push_str(before);
        let hashes = from[1..].chars().take_while(|character| *character == '#').count();
        let is_name = code.ends_with(|character: char| character.is_alphanumeric() || character == '_');
        let length = if from.starts_with("//") {
            from.find('\n')
        } else if from.starts_with('"') {
            end_of_text(from)
        } else if from.starts_with('r') && !is_name && from[1 + hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            from[2 + hashes..].find(&end).map(|at| 2 + hashes + at + end.len())
        } else if let Some(quote) = ["'\"'", "'\\''"].iter().find(|quote| from.starts_with(**quote)) {
            Some(quote.len())
        } else {
            code.push_str(&from[..1]);
            Some(1)
        };
        rest = &from[length.unwrap_or(from.len())..];
    }
    code + rest
}

/// Where a text ends that begins with a quote.
fn end_of_text(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    let end = text.char_indices().skip(1).find(|(_, character)| {
        let is_end = *character == '"' && !is_escaped;
        is_escaped = *character == '\\' && !is_escaped;
        is_end
    });
    end.map(|(at, _)| at + 1)
}

/// The code, cut behind each `;`, so that a `use` is a statement of its own.
fn statements(code: &str) -> Vec<String> {
    let mut statements = Vec::new();
    for part in code.split_inclusive(';') {
        // Lines before a `use`, such as an attribute, are a statement as well.
        let at = ["\nuse ", "\npub use ", "\npub(crate) use ", "\npub(super) use "]
            .iter()
            .find_map(|mark| part.find(mark))
            .map_or_else(|| if part.starts_with("use ") { 0 } else { part.len() }, |at| at + 1);
        statements.push(part[..at].to_owned());
        statements.push(part[at..].trim_end_matches(';').to_owned());
    }
    statements.retain(|statement| !statement.is_empty());
    statements
}

/// The paths that a tree of `use` names.
fn paths_of_tree(tree: &str) -> Vec<Module> {
    fn walk(tree: &str, prefix: &[String], paths: &mut Vec<Module>) {
        let (path, group) = tree.trim().split_once('{').map_or((tree.trim(), None), |(path, rest)| {
            (path, Some(rest.trim_end().strip_suffix('}').unwrap_or(rest)))
        });
        let path = path.split(" as ").next().unwrap_or_default();
        let names = path.split("::").map(str::trim).filter(|name| !["", "self", "*"].contains(name));
        let path: Module = prefix.iter().cloned().chain(names.map(str::to_owned)).collect();
        let Some(group) = group else { return paths.push(path) };
        let (mut depth, mut from) = (0, 0);
        for (at, character) in group.char_indices().chain([(group.len(), ',')]) {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    if !group[from..at].trim().is_empty() {
                        walk(&group[from..at], &path, paths);
                    }
                    from = at + 1;
                }
                _ => {}
            }
        }
    }
    let mut paths = Vec::new();
    walk(tree, &[], &mut paths);
    paths
}

/// The paths of two names and more in code, outside of `use`.
fn paths_of_code(code: &str) -> Vec<Module> {
    let words = code.split(|character: char| !(character.is_alphanumeric() || "_:".contains(character)));
    let paths = words.filter(|word| word.contains("::") && !word.starts_with("::"));
    paths.map(|path| path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect()).collect()
}

/// The path from the root of the crate; `None` for another crate.
fn absolute(module: &Module, children: &BTreeSet<&str>, path: &[String]) -> Option<Module> {
    let supers = path.iter().take_while(|name| *name == "super").count();
    let first = path.first()?.as_str();
    let base = match first {
        "crate" => return Some(path[1..].to_vec()),
        "super" => &module[..module.len().checked_sub(supers)?],
        _ if children.contains(first) => module,
        _ => return None,
    };
    Some([base, &path[supers..]].concat())
}

#[test]
fn arrows_are_read_from_paths() {
    let files = [
        ("", "mod a;\nmod b;\n#[cfg(test)]\nmod e;\npub use b::Thing;\n"),
        ("a", "use crate::Thing;\n// use crate::b::c;\nfn f() { super::b::c::g(\"crate::d::Y\"); }\n"),
        (
            "f",
            "const URL: &str = \"https://a\\\"\";\nconst RAW: &str = r#\"a \" b\"#;\nfn f(c: char) { c == '\"' && crate::d::is(c) }",
        ),
        ("b", "mod c;\n#[rustfmt::skip]\npub(crate) use c::{Inner as Other, more::*};\npub struct Thing;\n"),
        (
            "b/c",
            "use super::{self, Thing};\nuse std::fmt;\n#[cfg(test)]\nmod tests {\n    use crate::a;\n}\n",
        ),
        ("e", "use crate::a;"),
        ("d", "use crate::{\n    a::{self, X},\n    b::Inner,\n};\n"),
    ];
    let files = files.map(|(name, text)| {
        (
            name.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect::<Module>(),
            text.to_owned(),
        )
    });
    let arrows = Modules::of_files(files.into()).arrows();
    let used = |module: &str| {
        let module: Module = module.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        arrows[&module].iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(used(""), [""; 0]);
    assert_eq!(used("a"), ["b", "b/c"]);
    assert_eq!(used("b"), [""; 0]);
    assert_eq!(used("b/c"), ["b"]);
    assert_eq!(used("d"), ["a", "b/c"]);
    assert_eq!(used("f"), ["d"]);
    assert!(!arrows.contains_key(["e".to_owned()].as_slice()), "a module for tests is left out");
}
