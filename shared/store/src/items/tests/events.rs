//! The types of items that hold an event.

use proptest::{
    collection::vec,
    option,
    prelude::{Strategy, any},
    sample::select,
};

use super::{
    kinds::{Kind, again},
    values::moment,
};
use crate::{
    State,
    dynamodb::attributes::{millis, number, text, values},
    outbox::event_item::{DueItem, EventItem, EventKeyItem, EventSummary, QuarantinedItem},
};

#[expect(clippy::too_many_lines, reason = "a table of types")]
pub(super) fn events() -> [Kind; 5] {
    let state = || select(State::ALL.to_vec()).prop_map(|state| text(state.name()));
    let numbered = || ("\\PC{1,40}", any::<u64>());
    let event_of = (numbered(), state(), ["\\PC{0,40}", "\\PC{0,40}", "\\PC{0,300}"], moment(), any::<u32>());
    let event = event_of.prop_map(|((stream, seq), state, [event_id, detail_type, detail], at, attempts)| {
        values([
            ("stream", text(stream)),
            ("seq", number(seq)),
            ("state", state),
            ("event_id", text(event_id)),
            ("detail_type", text(detail_type)),
            ("detail", text(detail)),
            ("created_at", millis(at)),
            ("attempts", number(attempts)),
            ("next_attempt_at", millis(at)),
        ])
    });
    let more = || vec("\\PC{0,40}", 4);
    let committed = (event, option::of(more())).prop_map(|(mut item, more)| {
        let names = ["correlation_id", "actor", "due_pk", "due_sk"].map(str::to_owned);
        item.extend(names.into_iter().zip(more.into_iter().flatten().map(text)));
        item
    });
    let committed = committed.boxed();
    let listed = (committed.clone(), option::of("\\PC{0,40}"), option::of(moment()), option::of(moment()));
    let listed = listed.prop_map(|(mut item, error, delivered_at, requeued_at)| {
        let left_out = ["detail", "correlation_id", "actor", "due_pk", "due_sk"];
        item.retain(|name, _| !left_out.contains(&name.as_str()));
        item.extend(error.map(|error| ("last_error".to_owned(), text(error))));
        item.extend(delivered_at.map(|at| ("delivered_at".to_owned(), millis(at))));
        item.extend(requeued_at.map(|at| ("requeued_at".to_owned(), millis(at))));
        item
    });
    let event_key =
        numbered().prop_map(|(stream, seq)| values([("stream", text(stream)), ("seq", number(seq))]));
    let event_key = event_key.boxed();
    let due = (event_key.clone(), "\\PC{0,40}", option::of(moment())).prop_map(|(mut item, due_sk, at)| {
        item.insert("due_sk".to_owned(), text(due_sk));
        item.extend(at.map(|at| ("created_at".to_owned(), millis(at))));
        item
    });
    let copy = (event_key.clone(), option::of("\\PC{0,40}"), moment(), option::of(state()));
    let copy = copy.prop_map(|(mut item, raw, at, state)| {
        item.insert("created_at".to_owned(), millis(at));
        item.extend(raw.map(|raw| ("raw".to_owned(), text(raw))));
        item.extend(state.map(|state| ("state".to_owned(), state)));
        item
    });
    [
        Kind {
            name: "event",
            required: &[
                "stream",
                "seq",
                "state",
                "event_id",
                "detail_type",
                "detail",
                "created_at",
                "attempts",
                "next_attempt_at",
            ],
            unread: &["ttl", "bus_event_ids", "delivered_at"],
            items: committed,
            rewrite: |item| again::<EventItem>(item, &["ttl"]),
        },
        Kind {
            name: "listed event",
            required: &[
                "stream",
                "seq",
                "state",
                "event_id",
                "detail_type",
                "created_at",
                "attempts",
                "next_attempt_at",
            ],
            unread: &["ttl", "bus_event_ids", "detail", "correlation_id", "actor"],
            items: listed.boxed(),
            rewrite: |item| again::<EventSummary>(item, &[]),
        },
        Kind {
            name: "event key",
            required: &["stream", "seq"],
            unread: &[],
            items: event_key,
            rewrite: |item| again::<EventKeyItem>(item, &[]),
        },
        Kind {
            name: "due event",
            required: &["stream", "seq", "due_sk"],
            // One that cannot be read is as good as none.
            unread: &["created_at"],
            items: due.boxed(),
            rewrite: |item| again::<DueItem>(item, &[]),
        },
        Kind {
            name: "quarantined record",
            required: &["stream", "seq", "created_at"],
            unread: &["discarded_at", "ttl"],
            items: copy.boxed(),
            rewrite: |item| again::<QuarantinedItem>(item, &[]),
        },
    ]
}
