//! A stand-in for Lambda's runtime API, and for AWS: takes every connection, sees the first
//! request for work, never answers.

use std::{
    io::Read,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use crate::Failed;

const POLL: &[u8] = b"GET /2018-06-01/runtime/invocation/next ";
/// A function that has not asked for work by then never will.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    polls: Receiver<Instant>,
}

impl StandIn {
    pub(crate) fn start() -> Result<Self, Failed> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (sender, polls) = channel();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let sender = sender.clone();
                thread::spawn(move || watch(connection, &sender));
            }
        });
        Ok(Self { address, polls })
    }

    /// When the next request for work arrives.
    pub(crate) fn polled(&self) -> Result<Instant, Failed> {
        Ok(self.polls.recv_timeout(PATIENCE)?)
    }
}

/// Reads until the other side is gone.
fn watch(mut connection: TcpStream, polls: &Sender<Instant>) {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(length) = connection.read(&mut buffer)
        && length > 0
    {
        let had_polled = head.starts_with(POLL);
        head.extend_from_slice(&buffer[..length]);
        if head.starts_with(POLL) && !had_polled {
            let _ = polls.send(Instant::now());
        }
    }
}
