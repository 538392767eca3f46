//! Attempt counters: counted before the work, in fixed windows.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::Timestamp;

use crate::{
    Failure, Identities,
    item::{Item, Read, number},
};

const DAY_SECONDS: i64 = 24 * 60 * 60;
/// The short window.
const WINDOW_SECONDS: i64 = 5 * 60;

/// How many attempts there were, this one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// In the current five minutes.
    pub in_window: u32,
    /// In the current day (UTC).
    pub in_day: u32,
    /// Seconds until the current five minutes are over.
    pub window_ends_in: u32,
    /// Seconds until the current day is over.
    pub day_ends_in: u32,
}

impl Identities {
    /// Counts an attempt: one unconditional, atomic write, whose answer is the count. All windows of
    /// a day are attributes of one item, so that a minute's flood and a day's drip cost the same.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn count_attempt(&self, kind: &str, key: &str, now: Timestamp) -> Result<Attempts, Failure> {
        let seconds = now.seconds();
        let (day, second_of_day) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
        let window = format!("w{}", second_of_day / WINDOW_SECONDS);
        let day_after = (day + 1) * DAY_SECONDS;
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Item::at(format!("LIMIT#{kind}#{key}"), format!("LIMIT#{day}")).build()))
            .update_expression("SET #ttl = :ttl ADD #window :one, #day :one")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_names("#window", &window)
            .expression_attribute_names("#day", "day")
            .expression_attribute_values(":ttl", number(day_after))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::UpdatedNew);
        let answer = update.send().await.map_err(|error| Failure::of("UpdateItem", error))?;
        let counts = answer.attributes.unwrap_or_default();
        let in_window = counts.get(&window).and_then(|count| count.as_n().ok()?.parse().ok());
        let ends_in = |length: i64| u32::try_from(length - second_of_day % length).unwrap_or(u32::MAX);
        Ok(Attempts {
            in_window: in_window.ok_or(Failure::Malformed("window"))?,
            in_day: Read(&counts).number("day")?,
            window_ends_in: ends_in(WINDOW_SECONDS),
            day_ends_in: ends_in(DAY_SECONDS),
        })
    }
}
