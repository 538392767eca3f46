//! `kill -9` at any time: answered requests are stored, and their events are delivered after the next start.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use aws_sdk_dynamodb::Client;
use cloud::Clock;
use local::Stack;

use crate::process::{Running, Scratch, dev, register};

const CLIENTS: u32 = 2;

/// The number of kills, which `GATEPOST_KILL_ROUNDS` can raise.
fn rounds() -> u32 {
    let more = std::env::var_os("GATEPOST_KILL_ROUNDS").and_then(|rounds| rounds.to_str()?.parse().ok());
    more.unwrap_or(300)
}

#[test]
fn no_answered_request_is_lost_by_kills() {
    let folder = Scratch::new();
    let answered = Mutex::new(Vec::new());
    let number = AtomicU32::new(0);
    for _ in 0..rounds() {
        one_life(&folder, &answered, &number);
    }
    let answered = answered.into_inner().expect("not poisoned");
    assert!(
        answered.len() > rounds() as usize / 4,
        "only {} were answered: the test shows little",
        answered.len()
    );
    tokio::runtime::Runtime::new().expect("a runtime").block_on(all_is_there(&folder, &answered));
}

/// Starts the system, registers as fast as possible, and is killed at a random time.
fn one_life(folder: &Scratch, answered: &Mutex<Vec<String>>, number: &AtomicU32) {
    // All requests have the same source.
    let limit = ["--parameter", "MailRequestsPerIp=100000"];
    let mut running = Running::start(dev(folder, &[["--port", "0"], ["--data", "data"], limit].concat()));
    let over = AtomicBool::new(false);
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let tell = tell.clone();
            let (running, over) = (&running.address, &over);
            scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    let email = format!("u{}@example.com", number.fetch_add(1, Ordering::SeqCst));
                    match register(running, &email) {
                        Some(202) => {
                            answered.lock().expect("not poisoned").push(email);
                            let _ = tell.send(());
                        }
                        Some(status) => panic!("{email}: {status}"),
                        None => {}
                    }
                }
            });
        }
        drop(tell);
        // The time of the kill varies: after a number of responses, and some time after the last one.
        let random = RandomState::new().hash_one(());
        told.iter().take(usize::try_from(random % 4).unwrap_or(0)).for_each(drop);
        thread::sleep(Duration::from_micros((random >> 8) % 30_000));
        let _ = running.child.kill();
        over.store(true, Ordering::SeqCst);
    });
    let _ = running.child.wait();
}

async fn all_is_there(folder: &Scratch, answered: &[String]) {
    // Leases of mails have expired that were being sent when their process was killed.
    let later = Clock::of(|| Clock::system().now().plus(Duration::from_mins(2)));
    let stack = Stack::folder(folder.data()).with_clock(later).start().expect("it starts again");
    stack.settle().await.expect("all is delivered");

    let stored = registered(&stack).await;
    let mut published = BTreeMap::<String, BTreeSet<String>>::new();
    for event in stack.events() {
        let text = |name: &str| event.detail[name].as_str().unwrap_or_default().to_owned();
        published.entry(text("subject")).or_default().insert(text("id"));
    }
    let mailed: BTreeSet<String> = stack.mail().into_iter().flat_map(|mail| mail.to).collect();
    for email in answered {
        let stream = stored.get(email).unwrap_or_else(|| panic!("{email} was answered and is not stored"));
        assert_eq!(
            published.get(stream).map(BTreeSet::len),
            Some(1),
            "{email} has one event that is published"
        );
        assert!(mailed.contains(email), "{email} was answered and never mailed");
    }
    // Requests without a response are stored together with their event, or not at all.
    let stored: BTreeSet<_> = stored.into_values().collect();
    assert_eq!(stored, published.into_keys().collect());
}

/// Returns the addresses of all stored registrations, and the streams of their events.
async fn registered(stack: &Stack) -> BTreeMap<String, String> {
    let client = Arc::new(Client::new(stack.cloud("register").expect("its cloud").sdk()));
    let mut pages = client.scan().table_name("Identities").into_paginator().items().send();
    let mut streams = BTreeMap::new();
    while let Some(item) = pages.next().await {
        let item = item.expect("a page");
        let text =
            |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        if text("sk") == "REGISTRATION" {
            streams.insert(text("email"), text("pk").replace("REGISTRATION#", "registration#"));
        }
    }
    streams
}
