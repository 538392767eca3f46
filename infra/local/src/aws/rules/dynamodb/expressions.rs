//! The size of expressions and the attributes that they name.

use dynoxide::{Item, types::item_size};
use serde::Deserialize;
use serde_json::Value;

/// `docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html`, "Expression parameters".
const MAX_OPERATORS: usize = 300;
const MAX_OPERANDS_OF_IN: usize = 100;
const MAX_PLACEHOLDER_BYTES: usize = 255;
const MAX_SUBSTITUTION_BYTES: usize = 2 * 1024 * 1024;
const EXPRESSIONS: [&str; 5] = [
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
];

/// Returns the refusal of a request with an expression that is too long, or with placeholders that are.
pub(super) fn too_large(request: &Value) -> Option<String> {
    let expressions = EXPRESSIONS.iter().filter_map(|name| Some((*name, request[name].as_str()?)));
    for (name, expression) in expressions {
        let tokens = tokens(expression);
        if operators(&tokens) > MAX_OPERATORS {
            return Some(format!(
                "Invalid {name}: The expression contains more than the maximum number of operators: {MAX_OPERATORS}"
            ));
        }
        if operands_of_in(&tokens) > MAX_OPERANDS_OF_IN {
            return Some(format!(
                "Invalid {name}: The IN operator is provided with more than the maximum number of operands: \
                 {MAX_OPERANDS_OF_IN}"
            ));
        }
    }
    too_large_placeholders(request)
}

fn too_large_placeholders(request: &Value) -> Option<String> {
    let of = |field: &str| request[field].as_object().into_iter().flatten();
    let names = of("ExpressionAttributeNames");
    let mut placeholders =
        names.clone().chain(of("ExpressionAttributeValues")).map(|(placeholder, _)| placeholder);
    if placeholders.any(|placeholder| placeholder.len() > MAX_PLACEHOLDER_BYTES) {
        return Some(format!("An expression placeholder is longer than {MAX_PLACEHOLDER_BYTES} bytes"));
    }
    let names: usize = names.map(|(name, path)| name.len() + path.as_str().map_or(0, str::len)).sum();
    // The embedded database refuses values that cannot be read.
    let values = Item::deserialize(&request["ExpressionAttributeValues"]).unwrap_or_default();
    let is_too_large = names + item_size(&values) > MAX_SUBSTITUTION_BYTES;
    is_too_large.then(|| {
        format!("The names and values of an expression are larger than {MAX_SUBSTITUTION_BYTES} bytes")
    })
}

/// Returns the attributes that an update sets, each with a value that it may get.
pub(super) fn assignments(request: &Value) -> Vec<(&str, &Value)> {
    let tokens = tokens(request["UpdateExpression"].as_str().unwrap_or_default());
    let is_target = |at: usize| tokens[at] == "=" && (at < 2 || tokens[at - 2] != ".");
    let targets = (1..tokens.len()).filter(|at| is_target(*at));
    let assigned = targets.flat_map(|at| {
        let name = request["ExpressionAttributeNames"][tokens[at - 1]].as_str().unwrap_or(tokens[at - 1]);
        let operands = tokens[at + 1..].iter().take_while(|token| **token != "=");
        let values = operands.filter(|token| token.starts_with(':'));
        values.map(move |value| (name, &request["ExpressionAttributeValues"][value]))
    });
    assigned.collect()
}

/// Returns the attributes that an expression names, at the top of their paths.
pub(super) fn paths<'a>(expression: &'a str, request: &'a Value) -> Vec<&'a str> {
    let tokens = tokens(expression);
    let words = tokens.iter().enumerate().filter(|(at, token)| {
        let is_name = token.starts_with(|first: char| first.is_ascii_alphabetic() || first == '#');
        let is_function = tokens.get(at + 1) == Some(&"(");
        let is_nested = *at > 0 && tokens[at - 1] == ".";
        is_name && !is_function && !is_nested && !is_keyword(token)
    });
    words.map(|(_, token)| request["ExpressionAttributeNames"][token].as_str().unwrap_or(token)).collect()
}

fn is_keyword(token: &str) -> bool {
    ["SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "IN", "BETWEEN"]
        .iter()
        .any(|keyword| keyword.eq_ignore_ascii_case(token))
}

fn operators(tokens: &[&str]) -> usize {
    let is_function = |at: usize| {
        tokens.get(at + 1) == Some(&"(") && tokens[at].starts_with(|c: char| c.is_ascii_alphabetic())
    };
    let is_word = |token: &str| {
        ["AND", "OR", "NOT", "IN", "BETWEEN"].iter().any(|word| word.eq_ignore_ascii_case(token))
    };
    let is_operator = |(at, token): &(usize, &&str)| {
        matches!(**token, "=" | "<>" | "<" | "<=" | ">" | ">=" | "+" | "-")
            || is_word(token)
            || is_function(*at)
    };
    tokens.iter().enumerate().filter(is_operator).count()
}

/// The operands of the longest list of an expression.
fn operands_of_in(tokens: &[&str]) -> usize {
    let lists = tokens
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair[0].eq_ignore_ascii_case("IN") && pair[1] == "(");
    let operands = |at: usize| {
        tokens[at..].iter().take_while(|token| **token != ")").filter(|token| **token == ",").count() + 1
    };
    lists.map(|(at, _)| operands(at)).max().unwrap_or(0)
}

/// The words and signs of an expression.
fn tokens(expression: &str) -> Vec<&str> {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '#' | ':');
    let mut tokens = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if is_of_word(first) => rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()),
            '<' | '>' if rest[1..].starts_with(['=', '>']) => 2,
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}
