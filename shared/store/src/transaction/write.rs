//! One write of a transaction.

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update};

use crate::dynamodb::attributes::Attributes;

/// One write of a transaction.
pub(crate) struct Write {
    kind: Kind,
    condition: Option<String>,
    names: Vec<(&'static str, &'static str)>,
    values: Attributes,
}

enum Kind {
    Put(Attributes),
    Update(Attributes, &'static str),
    Delete(Attributes),
    Check(Attributes),
}

impl Write {
    pub(crate) fn put(item: Attributes) -> Self {
        Self::of(Kind::Put(item))
    }

    pub(crate) fn update(key: Attributes, expression: &'static str) -> Self {
        Self::of(Kind::Update(key, expression))
    }

    pub(crate) fn delete(key: Attributes) -> Self {
        Self::of(Kind::Delete(key))
    }

    /// Writes nothing: only its condition must hold.
    pub(crate) fn check(key: Attributes) -> Self {
        Self::of(Kind::Check(key))
    }

    fn of(kind: Kind) -> Self {
        Self { kind, condition: None, names: Vec::new(), values: Attributes::new() }
    }

    pub(crate) fn only_if(mut self, condition: &'static str) -> Self {
        self.condition = Some(condition.to_owned());
        self
    }

    /// What a placeholder for a reserved word stands for.
    pub(crate) fn named(mut self, placeholder: &'static str, name: &'static str) -> Self {
        self.names.push((placeholder, name));
        self
    }

    pub(crate) fn with(mut self, values: Attributes) -> Self {
        self.values = values;
        self
    }

    /// Whether both are about the same item.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        fn key(write: &Write) -> [Option<&AttributeValue>; 2] {
            let (Kind::Put(item) | Kind::Update(item, _) | Kind::Delete(item) | Kind::Check(item)) =
                &write.kind;
            ["pk", "sk"].map(|name| item.get(name))
        }
        key(self) == key(other)
    }

    pub(super) fn also_only_if(&mut self, check: Self) {
        let conditions = [self.condition.take(), check.condition];
        let both = conditions.into_iter().flatten().map(|condition| format!("({condition})"));
        self.condition = Some(both.collect::<Vec<_>>().join(" AND "));
        self.names.extend(check.names);
        self.values.extend(check.values);
    }

    /// `build` fails only for a missing table name, key or item, and all are given here.
    pub(super) fn into_item(self, table: &str) -> TransactWriteItem {
        let condition = self.condition;
        let values = (!self.values.is_empty()).then_some(self.values);
        let alias = |(placeholder, name): &(&str, &str)| ((*placeholder).to_owned(), (*name).to_owned());
        let names = (!self.names.is_empty()).then(|| self.names.iter().map(alias).collect());
        let item = TransactWriteItem::builder();
        match self.kind {
            Kind::Put(attributes) => {
                let put = Put::builder().table_name(table).set_item(Some(attributes));
                let put = put.set_condition_expression(condition).set_expression_attribute_values(values);
                let put = put.set_expression_attribute_names(names);
                item.set_put(put.build().ok())
            }
            Kind::Update(key, expression) => {
                let update =
                    Update::builder().table_name(table).set_key(Some(key)).update_expression(expression);
                let update =
                    update.set_condition_expression(condition).set_expression_attribute_values(values);
                let update = update.set_expression_attribute_names(names);
                item.set_update(update.build().ok())
            }
            Kind::Delete(key) => {
                let delete = Delete::builder().table_name(table).set_key(Some(key));
                let delete =
                    delete.set_condition_expression(condition).set_expression_attribute_values(values);
                let delete = delete.set_expression_attribute_names(names);
                item.set_delete(delete.build().ok())
            }
            Kind::Check(key) => {
                let check = ConditionCheck::builder().table_name(table).set_key(Some(key));
                let check = check.set_condition_expression(condition).set_expression_attribute_values(values);
                let check = check.set_expression_attribute_names(names);
                item.set_condition_check(check.build().ok())
            }
        }
        .build()
    }
}
