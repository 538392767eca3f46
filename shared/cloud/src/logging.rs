//! One JSON object a line on standard output, which Lambda carries to CloudWatch.

use std::io;

use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter, util::SubscriberInitExt};

/// Starts logging; called once, by [`crate::run`].
pub(crate) fn start() {
    // Somebody who embeds a function may have started logging already: theirs holds.
    let _ = log_to(io::stdout).try_init();
}

/// What writes the log as functions write it, to `writer`.
pub fn log_to<W>(writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_max_level(LevelFilter::INFO)
        .with_writer(writer)
        .finish()
}
