//! Parsing of the fields that applicants send: address, names and language.

use api::{FieldProblem, ProblemType};
use domain::{Email, Locale, Name};

/// Parses an address, a first and a last name. Adds problems to `wrong`.
pub fn parse_person(
    email: &str,
    [first_name, last_name]: [Option<&str>; 2],
    wrong: &mut Vec<FieldProblem>,
) -> (Option<Email>, [Option<Name>; 2]) {
    let email = Email::parse(email)
        .map_err(|error| wrong.push(FieldProblem::new("/email", "invalid-email", &error)))
        .ok();
    let mut name = |pointer: &str, text: Option<&str>| {
        let parsed = text.map(Name::parse).transpose();
        parsed.map_err(|error| wrong.push(problem(pointer, &error))).ok().flatten()
    };
    (email, [name("/first_name", first_name), name("/last_name", last_name)])
}

/// Parses the language. Adds a problem to `wrong` if it is invalid.
pub fn parse_locale(locale: Option<&str>, wrong: &mut Vec<FieldProblem>) -> Option<Locale> {
    let parsed = locale.map(Locale::parse).transpose();
    parsed.map_err(|error| wrong.push(problem("/locale", &error))).ok().flatten()
}

fn problem(pointer: &str, error: &impl std::error::Error) -> FieldProblem {
    FieldProblem::new(pointer, ProblemType::ValidationFailed.slug(), error)
}
