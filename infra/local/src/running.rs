//! A stack that goes by itself: gateway, readers and schedules, until it is stopped.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::Instant};

use crate::{gateway::server, lambda::Step, stack::Stack};

/// How often expired items are deleted.
const EXPIRY: Duration = Duration::from_mins(1);

/// What runs in the background.
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Stack {
    /// Serves the API on `listener`, reads streams and queues as things arrive, and runs schedules.
    #[must_use]
    pub fn run(&self, listener: TcpListener) -> Running {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(server::serve(Arc::clone(&self.0.gateway), listener, stopped.clone()));
        for position in 0..self.0.streams.len() {
            tasks.spawn(read_stream(self.clone(), position, stopped.clone()));
        }
        for position in 0..self.0.queues.len() {
            tasks.spawn(read_queue(self.clone(), position, stopped.clone()));
        }
        for position in 0..self.template().schedules.len() {
            tasks.spawn(keep_schedule(self.clone(), position, stopped.clone()));
        }
        tasks.spawn(delete_expired(self.clone(), stopped));
        Running { stop, tasks }
    }
}

impl Running {
    /// Lets running requests, batches and scheduled calls finish, and ends.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn read_stream(stack: Stack, position: usize, stop: watch::Receiver<bool>) {
    let reader = &stack.0.streams[position];
    let mut writes = stack.0.services.tables.writes();
    loop {
        // Before the step: what is written meanwhile is seen by the next one.
        writes.borrow_and_update();
        let ended = match reader.step(&stack.0.host, false).await {
            Step::Moved | Step::Failed(_) => *stop.borrow(),
            Step::Idle => until(&stop, async { drop(writes.changed().await) }).await,
            Step::Waits(ready_at) => until(&stop, tokio::time::sleep_until(ready_at)).await,
        };
        if ended {
            return;
        }
    }
}

async fn read_queue(stack: Stack, position: usize, stop: watch::Receiver<bool>) {
    let reader = &stack.0.queues[position];
    while !until(&stop, reader.readiness()).await {
        reader.step(&stack.0.host, false).await;
    }
}

async fn keep_schedule(stack: Stack, position: usize, stop: watch::Receiver<bool>) {
    let schedule = &stack.template().schedules[position];
    let mut due = Instant::now() + schedule.first_in(stack.clock().now());
    while !until(&stop, tokio::time::sleep_until(due)).await {
        if let Err(error) = stack.run_schedule(&schedule.function).await {
            stack.0.host.report_trouble(&error.to_string());
        }
        due = Instant::now().max(due + schedule.every);
    }
}

async fn delete_expired(stack: Stack, stop: watch::Receiver<bool>) {
    while !until(&stop, tokio::time::sleep(EXPIRY)).await {
        // DynamoDB deletes them some day: the next round is as good.
        let _ = stack.0.services.run(|services| services.tables.delete_expired()).await;
    }
}

/// Waits for `event`, or for the end; says whether it was the end.
async fn until(stop: &watch::Receiver<bool>, event: impl Future<Output = ()>) -> bool {
    let mut stop = stop.clone();
    let ended = async { drop(stop.wait_for(|stop| *stop).await) };
    tokio::select! {
        biased;
        () = ended => true,
        () = event => false,
    }
}
