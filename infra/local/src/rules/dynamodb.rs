//! Rules of DynamoDB that the embedded database does not know.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::template::{Template, id_of};

/// `docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html`, "Operators and operands".
const MAX_OPERATORS: usize = 300;
/// The same section.
const MAX_OPERANDS_OF_IN: usize = 100;
const EXPRESSIONS: [&str; 5] = [
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
];

pub(super) fn violation(operation: &str, request: &Value, template: &Template) -> Option<String> {
    match operation {
        "TransactWriteItems" | "TransactGetItems" => {
            let operations = request["TransactItems"].as_array()?.iter().filter_map(Value::as_object);
            operations.flat_map(|kinds| kinds.values()).find_map(|part| of_request(part, template))
        }
        _ => of_request(request, template),
    }
}

fn of_request(request: &Value, template: &Template) -> Option<String> {
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
    key_in_update(request, template).or_else(|| not_projected(request, template))
}

/// An update names an attribute of the primary key.
fn key_in_update(request: &Value, template: &Template) -> Option<String> {
    let paths = paths(request["UpdateExpression"].as_str()?, request);
    let keys = key_attributes(&definition(request, template)?["KeySchema"]);
    let key = paths.into_iter().find(|path| keys.contains(path))?;
    Some(format!(
        "One or more parameter values were invalid: Cannot update attribute {key}. This attribute is part of the key"
    ))
}

/// A query of an index filters by, or asks for, what the index does not hold.
fn not_projected(request: &Value, template: &Template) -> Option<String> {
    let index = request["IndexName"].as_str()?;
    let table = definition(request, template)?;
    let indexes = table["GlobalSecondaryIndexes"].as_array()?;
    let definition = indexes.iter().find(|definition| definition["IndexName"] == index)?;
    let projection = &definition["Projection"];
    if projection["ProjectionType"] == "ALL" {
        return None;
    }
    let mut held = key_attributes(&table["KeySchema"]);
    held.extend(key_attributes(&definition["KeySchema"]));
    held.extend(projection["NonKeyAttributes"].as_array().into_iter().flatten().filter_map(Value::as_str));
    let missing = |expression: &str| {
        let paths = request[expression].as_str().map(|text| paths(text, request)).unwrap_or_default();
        paths.into_iter().find(|path| !held.contains(path)).map(str::to_owned)
    };
    if let Some(attribute) = missing("ProjectionExpression") {
        return Some(format!(
            "One or more parameter values were invalid: Global secondary index {index} does not project [{attribute}]"
        ));
    }
    let attribute = missing("FilterExpression")?;
    Some(format!(
        "One or more parameter values were invalid: Secondary index {index} does not project one or more filter \
         attributes: [{attribute}]"
    ))
}

fn definition<'a>(request: &Value, template: &'a Template) -> Option<&'a Value> {
    let table = id_of(request["TableName"].as_str()?);
    template.tables.get(table).map(|table| &table.create)
}

fn key_attributes(schema: &Value) -> BTreeSet<&str> {
    schema.as_array().into_iter().flatten().filter_map(|key| key["AttributeName"].as_str()).collect()
}

/// The attributes that an expression names, at the top of their paths.
fn paths<'a>(expression: &'a str, request: &'a Value) -> Vec<&'a str> {
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
