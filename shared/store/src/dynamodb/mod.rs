//! DynamoDB: attributes and items, errors, pages, and the capacity that calls use.

pub(crate) mod attributes;
pub(crate) mod capacity;
pub(crate) mod error;
pub(crate) mod item;
pub(crate) mod page;
pub(crate) mod shard;
pub(crate) mod value;
