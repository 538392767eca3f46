//! The table Events: every committed event, and the state of its delivery.

pub(crate) mod canary;
pub(crate) mod event;
pub(crate) mod event_item;
pub(crate) mod event_state;
pub(crate) mod history;
pub(crate) mod item;
pub(crate) mod lease;
pub(crate) mod table;
pub(crate) mod task_runs;
