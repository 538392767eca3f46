//! One JSON object a line on standard output, which Lambda carries to CloudWatch.

use tracing_subscriber::{filter::LevelFilter, fmt};

/// Starts logging; called once, by [`crate::run`].
pub(crate) fn start() {
    // Somebody who embeds a function may have started logging already: theirs holds.
    let _ = fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_max_level(LevelFilter::INFO)
        .try_init();
}
