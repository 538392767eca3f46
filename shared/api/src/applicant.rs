//! Who somebody is said to be: address, names and language, as they are sent.

use domain::{Email, Locale, Name};

use crate::{FieldProblem, ProblemType};

/// What of an address, a first and a last name, and a language is acceptable. What is not goes to `wrong`.
pub fn parse_applicant(
    email: &str,
    [first_name, last_name]: [Option<&str>; 2],
    locale: Option<&str>,
    wrong: &mut Vec<FieldProblem>,
) -> (Option<Email>, [Option<Name>; 2], Option<Locale>) {
    let code = ProblemType::ValidationFailed.slug();
    let email = Email::parse(email)
        .map_err(|error| wrong.push(FieldProblem::new("/email", "invalid-email", &error)))
        .ok();
    let mut name = |pointer: &str, text: Option<&str>| {
        let parsed = text.map(Name::parse).transpose();
        parsed.map_err(|error| wrong.push(FieldProblem::new(pointer, code, &error))).ok().flatten()
    };
    let names = [name("/first_name", first_name), name("/last_name", last_name)];
    let locale = locale.map(Locale::parse).transpose();
    let locale =
        locale.map_err(|error| wrong.push(FieldProblem::new("/locale", code, &error))).ok().flatten();
    (email, names, locale)
}
