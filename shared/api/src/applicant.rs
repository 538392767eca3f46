//! Who somebody is said to be: address, names and language, as they are sent.

use domain::{Email, Locale, Name};

use crate::{FieldProblem, ProblemType};

/// What of an address, a first and a last name is acceptable. What is not goes to `wrong`.
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

/// The language, if it is acceptable. If it is not, that goes to `wrong`.
pub fn parse_locale(locale: Option<&str>, wrong: &mut Vec<FieldProblem>) -> Option<Locale> {
    let parsed = locale.map(Locale::parse).transpose();
    parsed.map_err(|error| wrong.push(problem("/locale", &error))).ok().flatten()
}

fn problem(pointer: &str, error: &impl std::error::Error) -> FieldProblem {
    FieldProblem::new(pointer, ProblemType::ValidationFailed.slug(), error)
}
