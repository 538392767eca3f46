//! Acting on Gatepost's events, at the other side of the bus.
//!
//! The bus delivers at least once, and behind it the order may change. This crate makes of that what
//! a consumer wants: each event takes effect once, in order, and a gap is told. It knows nothing of
//! Gatepost but what an event looks like.
//!
//! A [`Consumer`] acts on one [`Event`]; [`serve`] hands it a queue's messages and answers Lambda
//! which ones are to come again. [`Positions`] is how far the consumer has come with each subject, in
//! a DynamoDB table of its own: [`Positions::judge`] says what an event is, and [`Positions::commit`]
//! writes the consumer's state and its position together, or neither. [`ProcessedEvents`] are for consumers
//! that do not need the order: each event is claimed, takes effect, and is recorded by itself.
//!
//! ```
//! use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
//! use gatepost_consumer::{Consumer, Event, Positions, Unhandled, Verdict};
//!
//! /// Counts each user's log-ins.
//! struct CountLogIns { positions: Positions, table: String }
//!
//! impl Consumer for CountLogIns {
//!     async fn on(&self, event: Event) -> Result<(), Unhandled> {
//!         match self.positions.judge(&event).await? {
//!             Verdict::Duplicate | Verdict::Stale => return Ok(()),
//!             // A counter has to see them all; a consumer that can, reads the current state instead.
//!             Verdict::Gap { .. } => return Err(Unhandled::retry("an event before it is on its way")),
//!             Verdict::New => {}
//!         }
//!         let count = Update::builder()
//!             .table_name(&self.table)
//!             .key("subject", AttributeValue::S(event.subject.clone()))
//!             .update_expression("ADD log_ins :one")
//!             .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
//!         let count = count.build().map_err(Unhandled::poison)?;
//!         let writes = (event.kind == "session.started")
//!             .then(|| TransactWriteItem::builder().update(count).build());
//!         self.positions.commit(&event, writes).await?;
//!         Ok(())
//!     }
//! }
//! ```

mod batch;
mod event;
mod positions;
mod processed_events;
mod queue;

pub use aws_sdk_dynamodb::types::TransactWriteItem;
pub use batch::BatchFailures;
pub use event::{Event, InvalidEvent};
pub use positions::{Committed, PositionError, Positions, Verdict};
pub use processed_events::{Claim, ClaimError, Lease, ProcessedEvents};
pub use queue::{Consumer, Message, QueueBatch, Unhandled, serve};
